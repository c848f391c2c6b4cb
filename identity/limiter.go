package identity

import (
	"context"
	"time"
)

// Bucket names what a Limiter counts.
type Bucket string

// The buckets. Log-ins count only while they fail; what a log-in takes before it
// is judged is given back when it succeeds, or when it could not be judged.
const (
	BucketLogin    Bucket = "login"    // log-ins of one client, to whatever accounts
	BucketAccount  Bucket = "account"  // log-ins to one account, by browsers that were never in it
	BucketNetwork  Bucket = "network"  // of those, the ones of one network
	BucketDevice   Bucket = "device"   // log-ins to one account by one browser that was in it
	BucketDevices  Bucket = "devices"  // and by all browsers that were in it
	BucketRegister Bucket = "register" // registrations of one client

	BucketReset        Bucket = "reset"         // requests for new passwords, of one client
	BucketResetAccount Bucket = "reset_account" // and for one account

	BucketThirdParty    Bucket = "third_party"     // starts and callbacks at third parties, of one client
	BucketThirdPartyAll Bucket = "third_party_all" // and of all

	BucketExists    Bucket = "exists"     // questions whether there is an account, of one client
	BucketExistsAll Bucket = "exists_all" // and of all

	BucketMigration    Bucket = "migration"     // log-ins of one client where accounts move over from a backend
	BucketMigrationAll Bucket = "migration_all" // and of all
)

// Subject is whose buckets are meant.
type Subject struct {
	// Client is that of ClientOf, "" if nobody knows: then nothing is counted by it.
	Client string
	// Account is a name of the account that is the same for all its spellings,
	// whether or not there is such an account.
	Account string
	// Device is the id of a browser that was in the account before, or "".
	Device string
}

// Limiter bounds what strangers cause, on all nodes together. It is safe for
// concurrent use.
type Limiter interface {
	// Take counts one thing in each of the buckets that has place for it, and says
	// of each whether it had. Buckets that are not limited, or not for that subject,
	// are left out. An error (CodeUnavailable) means that no bucket could be asked:
	// nothing may happen then.
	Take(ctx context.Context, s Subject, buckets ...Bucket) ([]Verdict, error)
	// Refund makes what was taken not have happened. An error means that it may still
	// be counted, until time gives it back.
	Refund(ctx context.Context, taken []Verdict) error
	// Clear empties the buckets.
	Clear(ctx context.Context, s Subject, buckets ...Bucket) error
	// Unlock empties all buckets in which guesses at the account count, of whatever
	// client or browser, and returns how many were not empty. It may take seconds.
	Unlock(ctx context.Context, account string) (int, error)
}

// Verdict is what a bucket says.
type Verdict struct {
	Bucket Bucket
	// Of is whose bucket it is, in the Limiter's own words: of people, a pseudonym.
	Of string
	// Allowed: there was place, and the thing is counted.
	Allowed bool
	// Wait is how long there will be none, if there was none.
	Wait time.Duration
	// Used is how full the bucket is: 0 to 1.
	Used float64
	// At is when that was, by the Limiter's clock. 0: nothing can be refunded.
	At int64
}

// limit counts something that is not given back. The error is CodeLimited if there
// is no place for it in one of the buckets; the others count nothing then.
func (s *Service) limit(ctx context.Context, of Subject, buckets ...Bucket) error {
	if s.Limiter == nil {
		return nil
	}
	verdicts, err := s.Limiter.Take(ctx, of, buckets...)
	if err != nil {
		return err
	}
	return s.admit(ctx, verdicts, verdicts)
}

// admit returns an error unless all of the verdicts that are asked for let
// something happen. What all of them took is given back then.
func (s *Service) admit(ctx context.Context, asked, all []Verdict) error {
	var refused *Verdict
	for n := range asked {
		if v := &asked[n]; !v.Allowed && (refused == nil || v.Wait > refused.Wait) {
			refused = v
		}
	}
	if refused == nil {
		return nil
	}
	// What is refused to one must cost nobody else anything. Should it fail, time
	// gives it back.
	_ = s.Limiter.Refund(context.WithoutCancel(ctx), taken(all))
	return limited(*refused)
}

// taken returns those of the verdicts that counted something.
func taken(verdicts []Verdict) []Verdict {
	var counted []Verdict
	for _, v := range verdicts {
		if v.Allowed && v.At != 0 {
			counted = append(counted, v)
		}
	}
	return counted
}

func limited(v Verdict) error {
	return &Error{Code: CodeLimited, Reason: string(v.Bucket) + "_limited", Message: "Too many requests", RetryAfter: v.Wait, Limit: string(v.Bucket), Key: v.Of}
}
