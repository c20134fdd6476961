package bench

import "context"

func (b *bench) footprint(ctx context.Context) ([]Figure, error) { return nil, nil }
func (b *bench) scaling(ctx context.Context) ([]Figure, error)   { return nil, nil }
