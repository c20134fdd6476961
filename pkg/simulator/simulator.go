package simulator

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/loquent/callstream/schema"
)

// Simulator is a double of Twilio and of a transcription API. All its methods
// may be called at any time, from any goroutine, before and while Run runs.
type Simulator struct {
	config Config
	client *http.Client
	slots  chan struct{} // deliveries under way at once

	background context.Context // what outlives a request: test events
	stop       context.CancelFunc
	tests      sync.WaitGroup

	mu      sync.Mutex // guards all below
	journal *journal
	state
	faults   map[string]int // requests that each REST resource has seen
	progress Progress
}

// New makes a simulator. With Config.Dir set it takes up where an earlier one
// on the same folder stopped, however that ended. The error is
// [schema.Invalid] for a configuration that cannot work, [schema.Conflict] for
// a folder whose calls are another account's, organization's or numbers'.
func New(config Config) (*Simulator, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	clips, err := openLibrary()
	if err != nil {
		return nil, err
	}
	s := &Simulator{
		config: config,
		client: newClient(),
		slots:  make(chan struct{}, 64),
		faults: make(map[string]int),
	}
	s.background, s.stop = context.WithCancel(context.Background())
	s.state = newState(config, clips)
	if config.Dir != "" {
		if s.journal, err = openJournal(config.Dir, s.apply); err != nil {
			return nil, err
		}
	}
	return s, s.settleWorld(world{
		AccountSID: config.AccountSID, OrganizationID: config.OrganizationID, Numbers: config.Numbers,
	})
}

// settleWorld writes the world into a new journal, or holds it against an old
// one's: scripts that are written again must come out the same.
func (s *Simulator) settleWorld(w world) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world == nil {
		return s.commit(entry{World: &w})
	}
	if !s.world.equal(w) {
		return schema.Errorf(schema.Conflict,
			"the simulated calls in %s were placed for account %s, organization %s, numbers %v: use another folder, or the same",
			s.config.Dir, s.world.AccountSID, s.world.OrganizationID, s.world.Numbers)
	}
	return nil
}

// Close stops what the simulator does by itself and closes its journal. Run
// must have returned.
func (s *Simulator) Close() error {
	s.stop()
	s.tests.Wait()
	s.client.CloseIdleConnections()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.Close()
}

// commit makes an entry part of the state: into the journal first, so that
// nothing is answered or sent that would be forgotten. The caller holds mu.
func (s *Simulator) commit(e entry) error {
	if err := s.journal.write(e); err != nil {
		return err
	}
	return s.apply(e)
}

// FlagChanged tells the simulator that call_recording_enabled was switched at
// a moment, for Verify to hold recordings against. Before the first such call
// it counts as off.
func (s *Simulator) FlagChanged(on bool, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.commit(entry{Flag: &flagEntry{On: on, At: at}}); err != nil {
		s.config.Logger.Error("the simulator's journal", "error", err)
	}
}
