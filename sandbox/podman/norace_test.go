//go:build !race

package podman

const raceDetector = false
