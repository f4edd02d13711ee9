// Package directory knows who is who: people, groups of them, and shared mailboxes, of each domain.
//
// An entry is told by its ID, which is unique among all kinds of a domain and never changes; an account and an e-mail address belong
// to one entry of a domain at most. Whoever reads uses Source, which other kinds of directory can be behind, too; what is kept here is changed
// through a Book, which brings it into its normal form and refuses what is none. Texts come from outside: names hold no control characters, and
// nothing that turns the direction of what stands around them. Entries are values: nobody changes one that they were given.
package directory
