//go:build !linux

package doctor

func clockKept() kept { return keptUnknown }
