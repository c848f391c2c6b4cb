//go:build faults

package httpapi_test

import "testing"

// The whole of TestTimingOfAnswers: 10,000 samples of each class.
func TestTimingOfTenThousandAnswers(t *testing.T) { testTiming(t, 10_000) }
