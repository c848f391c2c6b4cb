package demo

import (
	"net/http"

	"github.com/oklog/ulid/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// pageSize is how many entries a list holds when the client does not say.
const pageSize = 50

type product struct {
	ID          string  `json:"id"`
	Title       string  `json:"title"`
	Subtitle    *string `json:"subtitle"`
	Description string  `json:"description"`
	Handle      string  `json:"handle"`
	Thumbnail   *string `json:"thumbnail"`
}

var catalog = []product{
	{
		ID: "prod_01HZDEMO0000000000000TEA01", Title: "Harbour Tea", Handle: "harbour-tea",
		Description: "A smoky black tea for rainy afternoons.",
	},
	{
		ID: "prod_01HZDEMO0000000000000MUG02", Title: "Enamel Mug", Handle: "enamel-mug",
		Description: "Holds 350 ml and survives every picnic.",
	},
	{
		ID: "prod_01HZDEMO0000000000000N0TE3", Title: "Field Notebook", Handle: "field-notebook",
		Description: "Ninety-six dotted pages that lie flat.",
	},
	{
		ID: "prod_01HZDEMO0000000000000SCK04", Title: "Wool Socks", Handle: "wool-socks",
		Description: "Warm, plain, and darned for free.",
	},
}

func products(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Products []product `json:"products"`
		listed
	}{catalog, listed{Count: len(catalog), Limit: pageSize}})
}

// listed is what every list says about itself.
type listed struct {
	Count  int `json:"count"` // of all, not of this page
	Offset int `json:"offset"`
	Limit  int `json:"limit"`
}

type order struct {
	ID        string        `json:"id"`
	DisplayID int           `json:"display_id"`
	Status    string        `json:"status"`
	Email     string        `json:"email"`
	Currency  string        `json:"currency_code"`
	Total     int           `json:"total"`
	Items     []orderItem   `json:"items"`
	CreatedAt identity.Time `json:"created_at"`
}

type orderItem struct {
	ID        string `json:"id"`
	ProductID string `json:"product_id"`
	Title     string `json:"title"`
	Quantity  int    `json:"quantity"`
	UnitPrice int    `json:"unit_price"`
}

// welcomeOrder is the free sample that the shop sends to every new customer, so
// that there is something that only this customer may see.
func welcomeOrder(number int, email string, at identity.Time) order {
	sample := catalog[0]
	return order{
		ID:        "order_" + ulid.Make().String(),
		DisplayID: number,
		Status:    "pending",
		Email:     email,
		Currency:  "eur",
		Items: []orderItem{{
			ID:        "ordli_" + ulid.Make().String(),
			ProductID: sample.ID,
			Title:     sample.Title + ", welcome sample",
			Quantity:  1,
		}},
		CreatedAt: at,
	}
}
