// Package muc keeps the rooms where many talk (XEP-0045), and holds everybody to what a room promises.
//
// What happens in a room is ordered under its lock, committed, and told in that order (server.Sequence): messages, arrivals, departures,
// changes. A message's recipients are those who were inside when it was ordered. Who may do what is decided in one place (permit.go), from a
// room's Policy and its tables of affiliations and roles. A member reads what was said in the intervals of their membership and nothing
// else; the edges of those are positions in the room's order, never times. A room is loaded when it is first needed, and let go when nobody needs it.
package muc
