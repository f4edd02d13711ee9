//go:build race

package interop

// raceDetector tells whether the server under test is built with the race detector: it is where the tests are.
const raceDetector = true
