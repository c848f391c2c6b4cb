package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	// migrationTTL is how long a migration may keep others waiting when its
	// process died. It is longer than an answer of the backend is waited for.
	migrationTTL = 30 * time.Second
	// migrationPoll is the pause between two tries to get the lock.
	migrationPoll = 100 * time.Millisecond
	// migrationWait is how long somebody waits for a migration beside his own.
	migrationWait = 10 * time.Second
)

// Migrate implements Accounts.
func (a accounts) Migrate(ctx context.Context, keys []string, identifier, password string, entry func() (ProviderIdentity, error)) (*Identity, error) {
	if a.legacy != nil {
		return a.migratePerson(ctx, keys, identifier, password, entry)
	}
	if a.backend == nil || !a.backend.Migrate || a.provider != EmailPass || len(keys) == 0 {
		return nil, ErrNotFound
	}
	// The last key is the one of all spellings.
	release, err := lock(ctx, a.backend.Locks, "migrate:"+keys[len(keys)-1])
	if err != nil {
		return nil, fmt.Errorf("migrating an account: %w", err)
	}
	defer release()
	_, err = a.Find(ctx, keys...)
	if err == nil {
		return nil, ErrStale
	}
	if !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	account, err := a.backend.Backend.Migrate(ctx, a.actorType, identifier, password)
	if err != nil {
		return nil, fmt.Errorf("migrating an account: %w", err)
	}
	p, err := entry()
	if err != nil {
		return nil, err
	}
	i, err := a.createAccount(ctx, account, p, time.Time{})
	if errors.Is(err, ErrExists) {
		return nil, ErrStale
	}
	return i, err
}

// createAccount stores an identity that the backend had before.
func (s *Service) createAccount(ctx context.Context, account Account, p ProviderIdentity, validFrom time.Time) (*Identity, error) {
	now := s.Clock()
	p.Provider, p.UpdatedAt = EmailPass, now
	i := &Identity{
		ID: account.ID, BackendID: account.ID, AppMetadata: account.AppMetadata, ValidFrom: validFrom,
		Providers: map[string]ProviderIdentity{EmailPass: p}, CreatedAt: now, UpdatedAt: now,
	}
	if err := s.Store.Create(ctx, i); err != nil {
		return nil, fmt.Errorf("storing an account of the backend: %w", err)
	}
	s.backend.Logger.InfoContext(ctx, "account of the backend moved over", slog.String("auth_identity_id", i.ID))
	return i, nil
}

// lock waits for the lock of that name.
func lock(ctx context.Context, locks Locker, name string) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, migrationWait)
	defer cancel()
	for {
		release, err = locks.Lock(ctx, name, migrationTTL)
		if !errors.Is(err, ErrExists) {
			return release, err
		}
		select {
		case <-time.After(migrationPoll):
		case <-ctx.Done():
			return nil, Unavailable("migration_busy", ctx.Err())
		}
	}
}
