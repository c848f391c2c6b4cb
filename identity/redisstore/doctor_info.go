package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// minVersion is the oldest Redis that the store is tested with.
const minVersion = 7

// fullness is the part of its memory that a server may use before the doctor says so.
const fullness = 0.9

// readInfo returns what the server says of itself by field; nothing if it does not.
func readInfo(ctx context.Context, c *redis.Client) (map[string]string, error) {
	text, err := c.Info(ctx).Result()
	if refused(err) {
		return map[string]string{}, nil
	}
	return parseInfo(text), err
}

func parseInfo(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			fields[name] = value
		}
	}
	return fields
}

func examineVersion(info map[string]string) Finding {
	version, ok := info["redis_version"]
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	switch {
	case !ok || err != nil:
		return unchecked("version", nil)
	case n < minVersion:
		return wrong("version", "Redis "+version, fmt.Sprintf("use Redis %d.0 or later", minVersion))
	}
	return fine("version", "Redis "+version)
}

func examineTopology(info map[string]string, cluster bool) Finding {
	switch {
	case info["role"] == "slave":
		return wrong("topology", "the address leads to a replica", "name the master, or use sentinel <master> so that it is found")
	case info["cluster_enabled"] == "1" && !cluster:
		return wrong("topology", "the server is a node of a cluster", "add cluster to the option redis")
	case info["role"] == "":
		return unchecked("topology", nil)
	}
	return fine("topology", "a master")
}

func examineEviction(info map[string]string) Finding {
	policy, ok := info["maxmemory_policy"]
	switch {
	case !ok:
		return unchecked("eviction", nil)
	case policy != "noeviction":
		return wrong("eviction", "maxmemory-policy "+policy+": when its memory is full, the server deletes accounts or sessions",
			"set maxmemory-policy noeviction, in the server's configuration too")
	}
	return fine("eviction", "maxmemory-policy noeviction")
}

func examineMemory(info map[string]string) Finding {
	used, errUsed := strconv.ParseFloat(info["used_memory"], 64)
	limit, errLimit := strconv.ParseFloat(info["maxmemory"], 64)
	switch {
	case errUsed != nil || errLimit != nil:
		return unchecked("memory", nil)
	case limit == 0:
		return fine("memory", "no maxmemory")
	case used > fullness*limit:
		return wrong("memory", fmt.Sprintf("%.0f %% of maxmemory are used", 100*used/limit), "raise maxmemory: when it is full nobody can register or log in")
	}
	return fine("memory", fmt.Sprintf("%.0f %% of maxmemory are used", 100*used/limit))
}

func examinePersistence(ctx context.Context, c *redis.Client, info map[string]string) Finding {
	const remedy = "set appendonly yes, and appendfsync everysec or always"
	switch {
	case info["aof_enabled"] == "":
		return unchecked("persistence", nil)
	case info["aof_enabled"] == "1" && info["aof_last_write_status"] != "ok":
		return wrong("persistence", "the last write to the append-only file failed", "look at the server's log and disk")
	case info["aof_enabled"] != "1":
		save, err := c.ConfigGet(ctx, "save").Result()
		if err == nil && save["save"] == "" {
			return wrong("persistence", "nothing is kept on disk: a restart of the server loses every account", remedy)
		}
		return wrong("persistence", "snapshots only, or nothing: a crash of the server loses what changed since the last one", remedy)
	}
	fsync, err := c.ConfigGet(ctx, "appendfsync").Result()
	switch {
	case err != nil || fsync["appendfsync"] == "":
		return fine("persistence", "appendonly yes; appendfsync could not be checked")
	case fsync["appendfsync"] == "no":
		return wrong("persistence", "appendfsync no: a crash of the machine loses what the system had not written yet", remedy)
	}
	return fine("persistence", "appendonly yes, appendfsync "+fsync["appendfsync"])
}

func examineReplicas(info map[string]string, wait Wait) Finding {
	if info["role"] == "" {
		return unchecked("replicas", nil)
	}
	online := 0
	for name, value := range info {
		if strings.HasPrefix(name, "slave") && strings.Contains(value, "state=online") {
			online++
		}
	}
	if online < wait.Replicas {
		return wrong("replicas", fmt.Sprintf("%d in step, and wait wants %d: nothing that is written will be acknowledged", online, wait.Replicas),
			"start more replicas, or lower wait")
	}
	return fine("replicas", fmt.Sprintf("%d in step", online))
}
