package simulator

import (
	"encoding/hex"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// newDice returns the random numbers that belong to a seed and a key. Each
// thing that is left to chance has a key of its own, so that it comes out the
// same whatever else was drawn before it, in this process or the one before.
func newDice(seed uint64, key ...string) *rand.Rand {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(strings.Join(key, "/")))
	return rand.New(rand.NewPCG(seed, sum.Sum64())) //nolint:gosec // Chance that can be repeated is the purpose.
}

// newSID draws a SID with the given prefix.
func newSID(dice *rand.Rand, prefix string) string {
	var digits [16]byte
	for i := range digits {
		digits[i] = byte(dice.IntN(256)) //nolint:gosec // It fits.
	}
	return prefix + hex.EncodeToString(digits[:])
}

// between draws a whole number from low to high, both included.
func between(dice *rand.Rand, low, high int) int { return low + dice.IntN(high-low+1) }

// pick draws one of the choices.
func pick[T any](dice *rand.Rand, choices ...T) T { return choices[dice.IntN(len(choices))] }
