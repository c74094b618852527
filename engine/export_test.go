package engine

// DecideNext gives tests the workflow that a decision saw at its end, which the Runner goes on with.
var DecideNext = decide
