package cli

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/loquent/callstream/pkg/api"
	"github.com/loquent/callstream/schema"
)

// The files that up keeps in its data folder beside the embedded parts' own.
const (
	secretKeyFile   = "secret.key"   // encrypts Twilio tokens
	operatorKeyFile = "operator.key" // the operator's API key
)

// keepFile returns what DIR/name holds or, where there is none, what create
// returns after writing it.
func keepFile(dir, name string, create func() (string, error)) (string, error) {
	content, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // the data folder is the operator's
	if err == nil {
		return strings.TrimSpace(string(content)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	value, err := create()
	if err != nil {
		return "", err
	}
	return value, writeSecret(dir, name, value)
}

// writeSecret writes value to DIR/name, readable by the owner only. The write
// is atomic: a kill leaves the old file or the new one.
func writeSecret(dir, name, value string) error {
	path := filepath.Join(dir, name)
	next := path + ".next"
	if err := os.WriteFile(next, []byte(value+"\n"), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// newSecretKey returns 32 random bytes in base64, as CALLSTREAM_SECRET_KEY
// takes them.
func newSecretKey() (string, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key), nil
}

// firstOrganization returns the oldest organization, made with the name where
// there is none, and leaves an operator's key in dir. A key of before that
// belongs to one organization stays, and is that one's.
func (p *parts) firstOrganization(ctx context.Context, dir, name string) (org string, err error) {
	who, err := p.operator(ctx, dir)
	if err != nil || who.OrganizationID != "" {
		return who.OrganizationID, err
	}
	all, err := p.db.Organizations(ctx)
	if err != nil {
		return "", fmt.Errorf("list organizations: %w", err)
	}
	if len(all) > 0 {
		return slices.MinFunc(all, func(a, b schema.Organization) int { return a.CreatedAt.Compare(b.CreatedAt) }).ID, nil
	}
	if org, err = p.db.CreateOrganization(ctx, name); err != nil {
		return "", fmt.Errorf("create the first organization: %w", err)
	}
	return org, nil
}

// operator returns whose key lies in dir. Where there is none, or the database
// does not know it (the folder has been used with another one), an operator's
// key is made, which belongs to no organization.
func (p *parts) operator(ctx context.Context, dir string) (schema.Principal, error) {
	key, err := keepFile(dir, operatorKeyFile, func() (string, error) { return "", nil })
	if err != nil {
		return schema.Principal{}, err
	}
	if key != "" {
		who, err := p.db.APIKey(ctx, key)
		if err == nil {
			return who, nil
		}
		if schema.CodeOf(err) != schema.Unauthorized {
			return schema.Principal{}, fmt.Errorf("look up %s: %w", operatorKeyFile, err)
		}
	}
	key, err = p.db.CreateAPIKey(ctx, "", "operator", []string{api.PermissionAdmin})
	if err != nil {
		return schema.Principal{}, fmt.Errorf("create the operator's key: %w", err)
	}
	return schema.Principal{}, writeSecret(dir, operatorKeyFile, key)
}

// saveAccount gives org its Twilio account and numbers, and keeps what else is
// settled for it; the defaults are those of a new organization.
func (p *parts) saveAccount(ctx context.Context, org, accountSID, token string, numbers []string) error {
	account, err := p.db.AccountByOrganization(ctx, org)
	switch {
	case schema.CodeOf(err) == schema.NotFound:
		account = schema.Account{
			OrganizationID:       org,
			TranscriptionEnabled: true,
			Unexpected:           schema.UnexpectedProcess,
			Delete:               schema.DeleteArchived,
		}
	case err != nil:
		return fmt.Errorf("look up the Twilio account: %w", err)
	}
	account.AccountSID, account.AuthTokens = accountSID, []string{token}
	if err := p.db.SaveTwilioAccount(ctx, account); err != nil {
		return fmt.Errorf("save the Twilio account: %w", err)
	}
	for _, number := range numbers {
		if err := p.db.AddPhoneNumber(ctx, org, schema.NormalizeNumber(number)); err != nil {
			return fmt.Errorf("add number %s: %w", number, err)
		}
	}
	return nil
}
