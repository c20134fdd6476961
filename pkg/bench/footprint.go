package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Goals of the part.
const (
	upMemory      = 120 // MB, with NATS, Postgres and S3
	ingressMemory = 25
	firstStart    = 1.0 // s, on a new folder
	laterStart    = 0.2
	restTime      = 5 * time.Second // until memory counts as idle
)

// footprint measures what callstream takes while nothing happens.
func (b *bench) footprint(ctx context.Context) ([]Figure, error) {
	var first, later, memory series
	for range min(b.rounds(), 3) {
		new, old, all, err := b.starts(ctx)
		if err != nil {
			return nil, err
		}
		first, later, memory = append(first, new), append(later, old), append(memory, all)
	}
	ingress, resident, err := b.idleIngress(ctx)
	if err != nil {
		return nil, err
	}
	figures := []Figure{
		alone("up at rest, with NATS, Postgres and S3", "MB", memory).atMost(upMemory),
		alone("ingress at rest", "MB", series{ingress}).atMost(ingressMemory),
		alone("ingress at rest, with the binary's pages", "MB", series{resident}),
		alone("up to ready, new folder", "s", first).atMost(firstStart),
		alone("up to ready, later", "s", later).atMost(laterStart),
	}
	figures[1].Note = "its own memory; pages of the binary that it has touched are the kernel's to take back, and shared between processes"
	if info, err := os.Stat(b.Command[0]); err == nil {
		figures = append(figures, alone("binary", "MB", series{float64(info.Size()) / (1 << 20)}))
	}
	if b.Source != "" {
		took, err := b.build(ctx)
		if err != nil {
			return figures, err
		}
		figures = append(figures, alone("go build with an empty cache", "s", series{took.Seconds()}))
	}
	return figures, nil
}

// starts starts everything in one process on a new folder and then again on the
// same, and returns how many seconds each took and the megabytes at rest.
func (b *bench) starts(ctx context.Context) (first, later, memory float64, err error) {
	dir, err := os.MkdirTemp(b.Dir, "up-")
	if err != nil {
		return 0, 0, 0, fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	for _, took := range []*float64{&first, &later} {
		r, err := b.start(ctx, nil, "up", "--data", dir)
		if err != nil {
			return 0, 0, 0, err
		}
		*took = r.ready.Seconds()
		if took == &first {
			pause(ctx, b.span(restTime))
			memory = r.family()
		}
		r.stop()
	}
	return first, later, memory, nil
}

// idleIngress returns the megabytes of an ingress that nobody asks anything: its
// own, and with the pages of the binary.
func (b *bench) idleIngress(ctx context.Context) (own, resident float64, err error) {
	w, err := b.world(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer w.close()
	r, err := w.start(ctx, nil, "ingress")
	if err != nil {
		return 0, 0, err
	}
	pause(ctx, b.span(restTime))
	return r.own(), r.resident(), nil
}

// build builds callstream with nothing but its modules at hand.
func (b *bench) build(ctx context.Context) (time.Duration, error) {
	cache, err := os.MkdirTemp(b.Dir, "cache-")
	if err != nil {
		return 0, fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(cache)
	command := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(cache, "callstream"), ".") //nolint:gosec // the operator names the source
	command.Dir, command.Env = b.Source, append(os.Environ(), "GOCACHE="+cache)
	began := time.Now()
	if output, err := command.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go build in %s: %w\n%s", b.Source, err, output)
	}
	return time.Since(began), nil
}

// family returns the memory in megabytes of the process and all that it
// started, what they share counted once.
func (r *role) family() float64 {
	kB := 0
	for _, pid := range descendants(r.command.Process.Pid) {
		dir := filepath.Join("/proc", strconv.Itoa(pid))
		text, err := os.ReadFile(filepath.Join(dir, "smaps_rollup")) //nolint:gosec // the system's own
		if err != nil {                                              // it has gone
			continue
		}
		kB += kilobytes(text, "Pss:")
	}
	return float64(kB) / 1024
}

// familyCPU returns the CPU time of the process and all that it started and
// that still runs.
func (r *role) familyCPU() (total time.Duration) {
	for _, pid := range descendants(r.command.Process.Pid) {
		total += cpuOf(pid)
	}
	return total
}

// descendants returns the process and all that it started, directly or not.
func descendants(pid int) []int {
	pids := []int{pid}
	for i := 0; i < len(pids); i++ {
		tasks, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pids[i]), "task", "*", "children")) // the pattern is good
		for _, file := range tasks {
			text, _ := os.ReadFile(file) //nolint:gosec // then it has none
			for field := range strings.FieldsSeq(string(text)) {
				if child, err := strconv.Atoi(field); err == nil {
					pids = append(pids, child)
				}
			}
		}
	}
	return pids
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
