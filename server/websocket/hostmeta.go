package websocket

import (
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"

	"palabre/xmpp"
)

// relation is the link that leads to a WebSocket (XEP-0156 §2.1).
const relation = "urn:xmpp:alt-connections:websocket"

// HostMeta answers /.well-known/host-meta (XEP-0156 §2).
func (s *Server) HostMeta(w http.ResponseWriter, r *http.Request) {
	b := []byte("<?xml version='1.0' encoding='utf-8'?>\n<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'><Link")
	b = xmpp.AppendAttr(b, "rel", relation)
	b = xmpp.AppendAttr(b, "href", s.address(r))
	open(w, "application/xrd+xml")
	_, _ = w.Write(append(b, "/></XRD>\n"...)) // who has gone has gone
}

// HostMetaJSON answers /.well-known/host-meta.json (XEP-0156 §2).
func (s *Server) HostMetaJSON(w http.ResponseWriter, r *http.Request) {
	type link struct {
		Rel  string `json:"rel"`
		Href string `json:"href"`
	}
	open(w, "application/json")
	_ = json.NewEncoder(w).Encode(map[string][]link{"links": {{relation, s.address(r)}}})
}

// open heads an answer that any page may read (XEP-0156 §3).
func open(w http.ResponseWriter, kind string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}

// address is that of the WebSocket as the client reaches us. No name of its making gets in: it is one of ours, and the port a number.
func (s *Server) address(r *http.Request) string {
	name, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		name, port = r.Host, ""
	}
	if name = strings.ToLower(name); !slices.Contains(s.opts.Domains, name) {
		name = s.opts.Domains[0]
	}
	if port != "" && strings.Trim(port, "0123456789") == "" {
		name = net.JoinHostPort(name, port)
	}
	return "wss://" + name + Path
}
