package bench

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
)

// loadAverage returns how many processes wanted a CPU in the last minute, 0
// where the system does not say.
func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, _ := strconv.ParseFloat(first, 64) // 0 if it is none
	return load
}

// memoryMB returns the machine's memory, 0 where the system does not say.
func memoryMB() int {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return kilobytes(text, "MemTotal:") / 1024
}

// kilobytes returns the number behind name in a file of "name: number kB"
// lines, 0 where there is none.
func kilobytes(text []byte, name string) int {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB")) // 0 if it is none
			return n
		}
	}
	return 0
}
