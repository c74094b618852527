//go:build race

package podman

// raceDetector says that memory measurements mean nothing.
const raceDetector = true
