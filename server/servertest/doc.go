// Package servertest starts a whole server in the test's process and lets named clients talk to it, as a transcript says.
//
// The server is the real one: TLS over loopback sockets, the real modules, the real store in a temporary folder. A transcript is a text:
//
//	# XEP-0280 §8: my other device gets a copy of what I send
//	romeo.laptop -> <iq type='set' id='1'><enable xmlns='urn:xmpp:carbons:2'/></iq>
//	romeo.laptop <- <iq type='result' id='1'/>
//	romeo.phone  -> <message to='juliet@example.org' type='chat'><body>hi</body></message>
//	romeo.laptop <~ <message><sent xmlns='urn:xmpp:carbons:2'/></message>
//	romeo.phone  == nothing
//
// A client is an account and a resource: romeo.laptop is romeo@example.org/laptop, tybalt@example.net.phone lives on the other domain.
// The account is made and the client logs in where it is first named; it sends no presence by itself. Lines that begin with a blank go on with the
// line before. The operators:
//
//	->  sends XML as it stands
//	<-  the next thing that arrives is exactly this; the order of attributes does not count
//	<=  the next thing that arrives is of this type, has at least these attributes and children, and each of these children is exactly this, but for the order in it
//	<~  the next thing that arrives has at least these attributes, children and texts
//	<+  among what has arrived, or arrives, is something like this (as <~); it is taken out, the rest stays
//	== nothing    nothing has arrived that was not asked for, now that all that was sent before has been dealt with; an <r/> of XEP-0198 is nothing
//	== closed     the server has ended the stream
//	== cut        the connection and TLS have ended properly, and the stream has not: the client may go on with it
//	!! leaves     ends its stream properly;  !! drops  loses its connection;  !! returns  logs in again
//	!! lapses     loses it, and its session is waited for in vain, if it is: max='1' in XEP-0198's <enable/> makes that short
//	!! reconnects loses its connection and makes another, on which it is logged in, and nothing else
//	!! available  sends presence and takes everything that comes back for it; !! forgets  takes everything that has arrived
//
// In an expectation {name} stands for any one value, of an attribute or a text, and remembers it; where it is remembered, in what is sent too, it stands for that.
// {*} is any value and is not remembered. Some lines set the scene: "friends romeo juliet" makes both see each other, "account mercutio" makes an account;
// "person anna name='Anna Berg' account=anna", "group staff name=Staff" and "mailbox info name=Info email=info@example.org" make or change entries of the directory, with the
// fields of directory.FieldNames, or photo=FILE; "group staff gone" takes one away. "members staff anna -bob" changes who is in a group.
// "play setup/room.txt owner=juliet.balcony" plays another transcript, of a path from the first one's folder, in which {owner} stands for that, at the beginning of a line too;
// "server restarts" ends everybody's connection, and so does "server crashes", which leaves what kill -9 would.
package servertest
