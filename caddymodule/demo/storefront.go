package demo

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for the directives below
	"encoding/hex"
	"net/http"
	"time"
)

// The page's files.
var (
	//go:embed storefront/index.html
	indexHTML []byte
	//go:embed storefront/app.js
	appJS []byte
	//go:embed storefront/style.css
	styleCSS []byte
)

// contentPolicy lets the page load its own two files and talk to its own host,
// and nothing else: a script that slipped into it would not run.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// asset is one file of the page.
type asset struct {
	media string
	etag  string
	text  []byte
}

// assets are the files of the page by the path at which they are served.
var assets = map[string]asset{
	"/":          newAsset(indexHTML, "text/html; charset=utf-8"),
	"/app.js":    newAsset(appJS, "text/javascript; charset=utf-8"),
	"/style.css": newAsset(styleCSS, "text/css; charset=utf-8"),
}

func newAsset(text []byte, media string) asset {
	sum := sha256.Sum256(text)
	return asset{media: media, etag: `"` + hex.EncodeToString(sum[:12]) + `"`, text: text}
}

// servePage answers a request for the page (/, /app.js and /style.css), and says
// whether it was one.
func servePage(w http.ResponseWriter, r *http.Request) bool {
	a, ok := assets[r.URL.Path]
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", a.media)
	h.Set("ETag", a.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.text))
	return true
}
