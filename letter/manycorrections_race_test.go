//go:build race

package letter_test

// manyCorrections is how often TestManyCorrections corrects a message: with the race detector, writing them takes many times as long.
const manyCorrections = 5_000
