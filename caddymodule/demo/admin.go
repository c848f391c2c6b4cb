package demo

import (
	"net/http"
	"strconv"
)

// listCustomers answers GET /admin/customers?offset=&limit=.
func (s *shop) listCustomers(w http.ResponseWriter, r *http.Request, _ Caller) {
	offset, ok := queryNumber(w, r, "offset", 0, maxCustomers)
	if !ok {
		return
	}
	limit, ok := queryNumber(w, r, "limit", pageSize, maxCustomers)
	if !ok {
		return
	}
	page, count := s.Records.listCustomers(offset, limit)
	writeJSON(w, http.StatusOK, struct {
		Customers []customer `json:"customers"`
		listed
	}{page, listed{Count: count, Offset: offset, Limit: limit}})
}

// deleteCustomer answers DELETE /admin/customers/{id}.
func (s *shop) deleteCustomer(w http.ResponseWriter, r *http.Request, _ Caller) {
	id := pathID(r)
	if !s.Records.deleteCustomer(id) {
		writeNotFound(w, "Customer", id)
		return
	}
	writeDeleted(w, customerType, id)
}

// showUser answers GET /admin/users/me.
func (s *shop) showUser(w http.ResponseWriter, _ *http.Request, c Caller) {
	found, ok := s.Records.user(c.ActorID)
	if !ok {
		writeNotFound(w, "User", c.ActorID)
		return
	}
	writeJSON(w, http.StatusOK, map[string]user{"user": found})
}

// deleteUser answers DELETE /admin/users/{id}.
func (s *shop) deleteUser(w http.ResponseWriter, r *http.Request, _ Caller) {
	id := pathID(r)
	if !s.Records.deleteUser(id) {
		writeNotFound(w, "User", id)
		return
	}
	writeDeleted(w, userType, id)
}

func writeDeleted(w http.ResponseWriter, object, id string) {
	writeJSON(w, http.StatusOK, struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Deleted bool   `json:"deleted"`
	}{id, object, true})
}

// queryNumber reads a number of the query between 0 and highest, and answers
// the request if it is none.
func queryNumber(w http.ResponseWriter, r *http.Request, name string, otherwise, highest int) (int, bool) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > highest {
		writeError(w, http.StatusBadRequest,
			invalidData("Invalid request: '%s' is a number from 0 to %d", name, highest))
		return 0, false
	}
	return n, true
}
