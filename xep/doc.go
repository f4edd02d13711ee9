// Package xep holds the extensions that are small: one file and one transcript for each.
//
// Each file is a server.Module that says which XEP it implements, in which version. What an extension knows of an account or
// a session lives in slots of theirs and goes with them; what must last goes through Store. Who may see whom is asked of the
// kernel (Host.Sees), so that nothing here tells a stranger whether an account exists, or is online.
package xep
