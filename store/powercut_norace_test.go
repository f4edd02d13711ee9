//go:build !race

package store

// ordinaryCuts is how often the power goes in TestPowerCut.
const ordinaryCuts = 1000
