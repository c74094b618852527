package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The functions here make setters: each takes a value as the TOML library gives it, and says what is wrong with it in
// the words of the file.

func text(to *string) func(any) error {
	return func(v any) error {
		s, ok := v.(string)
		if !ok {
			return want("a string", v)
		}
		if strings.ContainsRune(s, 0) {
			return errors.New("it has a NUL character")
		}
		*to = s
		return nil
	}
}

func boolean(to *bool) func(any) error {
	return func(v any) error {
		b, ok := v.(bool)
		if !ok {
			return want("true or false", v)
		}
		*to = b
		return nil
	}
}

func count[T int | int64](to *T) func(any) error {
	return func(v any) error {
		n, ok := v.(int64)
		if !ok {
			return want("a whole number", v)
		}
		if n < 0 || n > math.MaxInt32 {
			return fmt.Errorf("want a number from 0 (no limit) to %d", math.MaxInt32)
		}
		*to = T(n)
		return nil
	}
}

// files reads a number of open files.
func files(to *int64) func(any) error {
	return func(v any) error {
		if err := count(to)(v); err != nil {
			return err
		}
		return CheckFiles(*to)
	}
}

// CheckFiles says why a process cannot be held to so many open files, or nothing.
func CheckFiles(n int64) error {
	if n != 0 && n < LeastFiles {
		return fmt.Errorf("%d open files are too few for a program to start; want at least %d", n, LeastFiles)
	}
	return nil
}

func number(to *float64) func(any) error {
	return func(v any) error {
		switch n := v.(type) {
		case int64:
			*to = float64(n)
		case float64:
			*to = n
		default:
			return want("a number", v)
		}
		if !(*to >= 0) || *to > 1e9 {
			return errors.New("want a number from 0 (no limit) to 1e9")
		}
		return nil
	}
}

func duration(to *time.Duration) func(any) error {
	return func(v any) error {
		s, ok := v.(string)
		if !ok {
			return want(`a duration such as "8h" or "90m"`, v)
		}
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			return fmt.Errorf(`%q is no duration; write for example "8h", "90m" or "1h30m"`, s)
		}
		*to = d
		return nil
	}
}

// size reads an amount of memory.
func size(to *int64) func(any) error {
	return func(v any) error {
		s, ok := v.(string)
		if !ok {
			return want(`a size such as "4g" or "512m"`, v)
		}
		n, err := ParseSize(s)
		if err == nil {
			*to = n
		}
		return err
	}
}

// ParseSize returns the bytes of a size such as "4g" or "512m". As everywhere with containers, k, m, g and t are powers
// of 1024.
func ParseSize(s string) (int64, error) {
	digits := strings.TrimRight(strings.ToLower(s), "bi")
	shift := 0
	if i := strings.IndexAny(digits, "kmgt"); i >= 0 && i == len(digits)-1 {
		shift = 10 * (1 + strings.IndexByte("kmgt", digits[i]))
		digits = digits[:i]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf(`%q is no size; write for example "4g" or "512m"`, s)
	}
	return n << shift, nil
}

func oneOf[T ~string](to *T, later []string, allowed ...T) func(any) error {
	return func(v any) error {
		s, ok := v.(string)
		switch {
		case !ok:
			return want("a string", v)
		case slices.Contains(later, s):
			return fmt.Errorf("this version of ralph does not support %q yet; it runs %q", s, allowed[0])
		case !slices.Contains(allowed, T(s)):
			return fmt.Errorf("%q is not known; want %s", s, quoted(allowed))
		}
		*to = T(s)
		return nil
	}
}

func command(to *[]string) func(any) error {
	return func(v any) error {
		list, ok := v.([]any)
		if !ok {
			return want(`a list such as ["prog", "arg"]`, v)
		}
		var args []string
		for _, entry := range list {
			var s string
			if err := text(&s)(entry); err != nil {
				return fmt.Errorf("entry %d: %w", len(args)+1, err)
			}
			args = append(args, s)
		}
		if len(args) == 0 || args[0] == "" {
			return errors.New("it names no program")
		}
		*to = args
		return nil
	}
}

func want(what string, v any) error { return fmt.Errorf("want %s, not %s", what, kindOf(v)) }

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "a whole number"
	case float64:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

func quoted[T ~string](values []T) string {
	q := make([]string, len(values))
	for i, v := range values {
		q[i] = strconv.Quote(string(v))
	}
	return strings.Join(q, " or ")
}
