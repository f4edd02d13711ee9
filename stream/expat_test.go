package stream

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"palabre/xmpp"
)

// The parsers of most clients are libexpat with a separator that joins namespace and local name. What one of them refuses ends the
// stream of whoever it is sent to, so nothing of the kind may be let through (X3; CVE-2022-25236).
const expat = `
import json, pyexpat, sys
for doc in json.load(sys.stdin):
    for separator in (' ', '}', '|', '\x01'):
        parser, depth, tops = pyexpat.ParserCreate('UTF-8', separator), 0, 0
        def start(name, attrs):
            global depth, tops
            tops += depth == 1
            depth += 1
        def end(name):
            global depth
            depth -= 1
        parser.StartElementHandler, parser.EndElementHandler = start, end
        try:
            parser.Parse(("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>" + doc + '</stream:stream>').encode(), True)
            assert tops == 1, '%d elements' % tops
        except Exception as problem:
            print(ascii(separator), problem, ascii(doc)[:200])
`

func TestExpatReadsWhatWePass(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: there is no libexpat to compare with")
	}
	var docs []string
	pass := func(in string) bool {
		evs, err := scan(NewScanner(xmpp.NSClient, wide), []byte(clientOpen+in), whole)
		for _, ev := range evs {
			switch ev.Kind {
			case Stanza:
				docs = append(docs, ev.Stanza.String())
			case Nonza:
				docs = append(docs, ev.Nonza.String())
			}
		}
		return err == nil
	}
	for _, s := range seeds {
		pass(s)
	}
	generated := stanzaText()
	for i := range 500 {
		pass(generated.Example(i))
	}
	for c := range 128 {
		pass("<message><a xmlns='urn:a" + string(rune(c)) + "b'/></message>")
	}
	// Every character of the basic plane that passes: in text, in a name, at the beginning of a name.
	var all strings.Builder
	count := 0
	for r := rune(0x80); r < 0x10000; r++ {
		for _, piece := range []string{"<a>" + string(r) + "</a>", "<a" + string(r) + "/>", "<" + string(r) + "/>"} {
			if _, _, err := opened(t, wide).Scan([]byte("<message>" + piece)); err == nil {
				all.WriteString(piece)
				count++
			}
		}
	}
	docs = append(docs, "<message>"+all.String()+"</message>")
	in, err := json.Marshal(docs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", expat)
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("error %v\n%s", err, out)
	}
	if count < 100000 || len(docs) < 500 {
		t.Errorf("only %d characters and %d elements compared", count, len(docs))
	}
}
