package key

import "encoding/binary"

// reader takes a message of ssh apart (RFC 4251, section 5). The bytes are a stranger's: every length is checked, and
// nothing is copied or made by it.
type reader struct{ rest []byte }

func (r *reader) empty() bool { return len(r.rest) == 0 }

func (r *reader) byte() (byte, bool) {
	if len(r.rest) < 1 {
		return 0, false
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b, true
}

// bool is strict, so that there is one way to write each message.
func (r *reader) bool() (value, ok bool) {
	b, ok := r.byte()
	return b == 1, ok && b <= 1
}

func (r *reader) uint32() (uint32, bool) {
	if len(r.rest) < 4 {
		return 0, false
	}
	n := binary.BigEndian.Uint32(r.rest)
	r.rest = r.rest[4:]
	return n, true
}

func (r *reader) string() ([]byte, bool) {
	n, ok := r.uint32()
	if !ok || uint64(n) > uint64(len(r.rest)) {
		return nil, false
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s, true
}

func appendString(to, s []byte) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(s))), s...)
}
