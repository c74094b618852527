//go:build !race

package specs_test

const raceDetector = false
