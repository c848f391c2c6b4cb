package redisstore

// CommandRules are the ACL rules of the commands that a Store, its Queue and the
// Doctor send, for a user who needs them for no other keys than the realm's.
const CommandRules = "+@read +@write +@stream +@pubsub +@connection -@dangerous +eval +evalsha +wait +time +role +info +config|get +cluster|slots +cluster|info +acl|dryrun +acl|whoami"

// UserRules returns the ACL rules of a user who may do what a realm with that key
// prefix needs, and nothing else: ACL SETUSER shop on >password <rules>. Sessions
// with a prefix of their own need another ~pattern.
func UserRules(prefix string) string {
	return "resetkeys resetchannels -@all ~" + prefix + "* &" + prefix + "* " + CommandRules
}
