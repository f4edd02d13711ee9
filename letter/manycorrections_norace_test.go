//go:build !race

package letter_test

const manyCorrections = 100_000
