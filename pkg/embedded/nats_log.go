package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// natsLog hands the server's lines to slog. The server's own loggers end the
// process on a fatal line; this one keeps the first for the error of
// [StartNATS].
type natsLog struct {
	logger *slog.Logger

	mu    sync.Mutex
	first error
}

// Noticef logs at debug level: what the server notices is normal operation.
func (l *natsLog) Noticef(format string, v ...any) {
	l.logger.Debug("nats: " + fmt.Sprintf(format, v...))
}

// Warnf logs what somebody should look at.
func (l *natsLog) Warnf(format string, v ...any) { l.logger.Warn("nats: " + fmt.Sprintf(format, v...)) }

// Errorf logs what failed.
func (l *natsLog) Errorf(format string, v ...any) {
	l.logger.Error("nats: " + fmt.Sprintf(format, v...))
}

// Debugf logs at debug level.
func (l *natsLog) Debugf(format string, v ...any) {
	l.logger.Debug("nats: " + fmt.Sprintf(format, v...))
}

// Tracef logs at debug level.
func (l *natsLog) Tracef(format string, v ...any) {
	l.logger.Debug("nats: " + fmt.Sprintf(format, v...))
}

// Fatalf logs at error level and, unlike its name, returns.
func (l *natsLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.logger.Error("nats: " + text)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = errors.New(text)
	}
}

// fatal returns the first fatal line.
func (l *natsLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}
