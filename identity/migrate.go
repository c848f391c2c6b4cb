package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// migrationWait is how long somebody waits for log-ins with the same address.
const migrationWait = 10 * time.Second

// Migrate implements Accounts. Log-ins with one address that come to this process
// at once go one after the other: the first one that is right moves the account
// over, and those behind it need not ask the backend. What two processes do at
// once does no harm, for the account has one id, which is stored once.
func (a accounts) Migrate(ctx context.Context, keys []string, identifier, password string, entry func() (ProviderIdentity, error)) (*Identity, error) {
	if a.alone {
		return nil, ErrNotFound
	}
	if a.legacy != nil {
		return a.migratePerson(ctx, keys, identifier, password, entry)
	}
	if a.backend == nil || !a.backend.Migrate || a.provider != EmailPass || len(keys) == 0 {
		return nil, ErrNotFound
	}
	// The backend tells spellings apart, so each is an account of its own.
	exact := keys[0]
	waiting, cancel := context.WithTimeout(ctx, migrationWait)
	defer cancel()
	end, err := a.backend.migrations.take(waiting, exact)
	if err != nil {
		return nil, Unavailable("migration_busy", err)
	}
	defer end()
	_, err = a.Find(ctx, exact)
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
	if !errors.Is(err, ErrExists) {
		return i, err
	}
	if _, err = a.Find(ctx, exact); err == nil {
		return nil, ErrStale
	}
	if errors.Is(err, ErrNotFound) {
		// Its password there is not the one that its identity has here.
		a.backend.Logger.WarnContext(ctx, "account of the backend moved over before under another address",
			slog.String("reason", "migration_known"), slog.String("auth_identity_id", account.ID))
	}
	return nil, err
}

// createAccount stores an identity that the backend had before. ErrExists if it
// is known here: by its id, or because another identity has it for its own. One
// that merely acts as the same actor, as a user whom the backend knew before and
// who came by a third party first, keeps nobody from their password.
func (s *Service) createAccount(ctx context.Context, account Account, p ProviderIdentity, validFrom time.Time) (*Identity, error) {
	holder, err := s.holder(ctx, account.ID, account)
	if err != nil {
		return nil, fmt.Errorf("storing an account of the backend: %w", err)
	}
	if holder != nil && holder.BackendID == account.ID {
		return nil, ErrExists
	}
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
