package dialectv1

import (
	"strings"
	"unicode/utf8"
)

// plausible reports whether v1's validator would take the text for an e-mail
// address: dotted words, an at sign, and a domain name with a top level. What makes
// an account judges more strictly afterwards.
func plausible(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s)-at-1 > 254 || !utf8.ValidString(s) {
		return false
	}
	for word := range strings.SplitSeq(s[:at], ".") {
		if word == "" || strings.ContainsFunc(word, func(c rune) bool { return !inWord(c) }) {
			return false
		}
	}
	labels := strings.Split(s[at+1:], ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(c rune) bool { return c != '-' && !letterOrDigit(c) }) {
			return false
		}
	}
	top := labels[len(labels)-1]
	return len(labels) > 1 && utf8.RuneCountInString(top) > 1 &&
		(strings.HasPrefix(strings.ToLower(top), "xn--") || !strings.ContainsAny(top, "0123456789-"))
}

func inWord(c rune) bool { return letterOrDigit(c) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", c) }

func letterOrDigit(c rune) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' && c < 0x80 || '0' <= c && c <= '9' || c > 0xa0
}
