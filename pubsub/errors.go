package pubsub

import (
	"fmt"

	"palabre/xmpp"
)

// Namespaces of XEP-0060.
const (
	NS        = "http://jabber.org/protocol/pubsub"
	nsOwner   = NS + "#owner"
	nsEvent   = NS + "#event"
	nsErrors  = NS + "#errors"
	nsConfig  = NS + "#node_config"
	nsOptions = NS + "#publish-options"
	nsMeta    = NS + "#meta-data"
)

// with adds a condition of XEP-0060 §11 to an error.
func with(e *xmpp.Error, condition, text string) *xmpp.Error {
	return e.WithApp(xmpp.New(nsErrors, condition)).With(text)
}

// unsupported says that a feature of XEP-0060 §10 is not here.
func unsupported(feature, text string) *xmpp.Error {
	return xmpp.ErrFeatureNotImplemented.WithApp(xmpp.New(nsErrors, "unsupported").With("feature", feature)).With(text)
}

var (
	errNodeNeeded   = with(xmpp.ErrBadRequest, "nodeid-required", "Name a node.")
	errItemNeeded   = with(xmpp.ErrBadRequest, "item-required", "Name an item.")
	errNoNode       = xmpp.ErrItemNotFound.With("There is no such node.")
	errNoItem       = xmpp.ErrItemNotFound.With("There is no such item.")
	errForbidden    = xmpp.ErrForbidden.With("Only the owner of the account may do this.")
	errPayload      = with(xmpp.ErrBadRequest, "invalid-payload", "An item holds one element, which has a namespace.")
	errNotOnList    = with(xmpp.ErrNotAllowed, "closed-node", "You are not on the list of those who may see this node.")
	errNotInGroup   = with(xmpp.ErrNotAuthorized, "not-in-roster-group", "This node is for some groups of contacts only.")
	errOutcast      = xmpp.ErrForbidden.With("The owner has shut you out from this node.")
	errNotSeeing    = with(xmpp.ErrNotAuthorized, "presence-subscription-required", "Only those who see this account's presence may see this node.")
	errFull         = with(xmpp.ErrConflict, "node-full", "The node is full. Delete an item first.")
	errAccessModel  = with(xmpp.ErrNotAcceptable, "unsupported-access-model", "The access models are open, presence, roster and whitelist.")
	errNotTheirs    = with(xmpp.ErrBadRequest, "invalid-jid", "You can subscribe your own address only.")
	errManySubs     = with(xmpp.ErrPolicyViolation, "too-many-subscriptions", "There are too many subscriptions to this node.")
	errNotSubscribe = with(xmpp.ErrUnexpectedRequest, "not-subscribed", "That address is not subscribed to this node.")
	errNodes        = xmpp.ErrPolicyViolation.With(fmt.Sprintf("An account has up to %d nodes. Delete one first.", mostNodes))
	errSpace        = xmpp.ErrPolicyViolation.With(fmt.Sprintf("An account keeps up to %d MiB here. Delete something first.", mostBytes>>20))
	errName         = xmpp.ErrNotAcceptable.With(fmt.Sprintf("A node's name has up to %d bytes, an item's id up to %d, without control characters.", mostName, mostID))
)

// payloadTooBig is XEP-0060 §7.1.3.5.
func payloadTooBig(most int) *xmpp.Error {
	return with(xmpp.ErrNotAcceptable, "payload-too-big", fmt.Sprintf("An item of this node has up to %d bytes.", most))
}

// preconditionNotMet is XEP-0060 §7.1.5.
func preconditionNotMet(field string) *xmpp.Error {
	return with(xmpp.ErrConflict, "precondition-not-met", "The node is configured otherwise: "+field+". Configure it first.")
}
