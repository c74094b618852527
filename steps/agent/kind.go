package agent

import "bytes"

// kindOf returns the value of "type" at the top of a JSON object, without reading the rest as JSON: most of a stream are long
// records of which nothing is wanted. It is empty where there is none, or where the object is not well formed up to there.
func kindOf(object []byte) string {
	depth, key := 0, false // key says that a string which begins now is one of the object's names
	for i := 0; i < len(object); i++ {
		switch object[i] {
		case '{', '[':
			depth++
			key = depth == 1
		case '}', ']':
			depth--
		case ',':
			key = depth == 1
		case '"':
			end := stringEnd(object, i+1)
			if end < 0 {
				return ""
			}
			text := object[i+1 : end]
			i = end
			if !key {
				continue
			}
			key = false
			if string(text) != "type" {
				continue
			}
			rest := bytes.TrimLeft(object[end+1:], " \t")
			rest, colon := bytes.CutPrefix(rest, []byte(":"))
			rest, quote := bytes.CutPrefix(bytes.TrimLeft(rest, " \t"), []byte(`"`))
			if last := stringEnd(rest, 0); colon && quote && last >= 0 {
				return string(rest[:last])
			}
			return ""
		}
	}
	return ""
}

// stringEnd is where the string that begins at from ends, or -1.
func stringEnd(b []byte, from int) int {
	for at := from; ; {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return -1
		}
		at += n
		escapes := 0
		for at-escapes > from && b[at-escapes-1] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return at
		}
		at++
	}
}
