//go:build race

package store

// ordinaryCuts is how often the power goes in TestPowerCut: with the race detector, SQLite takes several times as long.
const ordinaryCuts = 120
