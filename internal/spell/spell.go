// Package spell guesses what a mistyped word was meant to be, for "did you mean" hints.
package spell

import "cmp"

// farthest is how many edits a guess may be away.
const farthest = 2

// Nearest returns the candidate within two edits of s, the nearest first named, or "".
func Nearest(s string, candidates []string) string {
	best, at := "", farthest+1
	for _, c := range candidates {
		if d := distance(s, c); d < at && d < max(len(s), 1) {
			best, at = c, d
		}
	}
	return best
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := cmp.Compare(a[i], b[j])
			diag, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diag+cost*cost)
		}
	}
	return row[len(b)]
}
