package redisstore

// Addr returns where the embedded server listens, "" for nowhere.
func (e *Embedded) Addr() string { return e.redis.Addr() }

// CommandsSent is what the doctor asks permission for.
var CommandsSent = commandsSent
