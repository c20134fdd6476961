package simulator

import (
	"fmt"
	"math/rand/v2"
)

// party is one end of a call: how Twilio spells it and, decided here and not
// by asking the pipeline's own normalizer, how it must be stored.
type party struct {
	raw   string
	want  string // empty: withheld
	owned bool   // one of the organization's numbers
}

// customer draws a number of nobody in particular.
func customer(dice *rand.Rand) party {
	number := pick(dice,
		fmt.Sprintf("+1415555%04d", dice.IntN(10000)),
		fmt.Sprintf("+1212555%04d", dice.IntN(10000)),
		fmt.Sprintf("+44207946%04d", dice.IntN(10000)),
		fmt.Sprintf("+49301234%04d", dice.IntN(10000)),
		fmt.Sprintf("+8190%08d", dice.IntN(100000000)),
	)
	return party{raw: number, want: number}
}

// agent draws the telephone of somebody who works for the organization, which
// is not one of its numbers.
func agent(dice *rand.Rand) party {
	number := fmt.Sprintf("+1646555%04d", dice.IntN(10000))
	return party{raw: number, want: number}
}

// stranger draws a number of the account that nobody told callstream about.
func stranger(dice *rand.Rand) party {
	number := fmt.Sprintf("+1999555%04d", dice.IntN(10000))
	return party{raw: number, want: number}
}

// withheldCaller draws one of the ways in which Twilio shows a hidden number:
// the words, and the digits that spell them on a keypad.
func withheldCaller(dice *rand.Rand) party {
	return party{raw: pick(dice, "+266696687", "anonymous", "Anonymous", "+7378742833", "+86282452253", "")}
}

// browser draws a client of Twilio's Voice SDK.
func browser(dice *rand.Rand) party {
	name := fmt.Sprintf("client:Agent_%d", dice.IntN(40))
	return party{raw: name, want: name}
}

// sipPhone draws a SIP address: parameters go, the host is lower case, the
// user keeps its case and the port stays.
func sipPhone(dice *rand.Rand) party {
	return pick(dice,
		party{raw: "sip:Alice@PBX.Example.COM;transport=tls", want: "sip:Alice@pbx.example.com"},
		party{raw: "sip:bob@pbx.example.com:5061;user=phone", want: "sip:bob@pbx.example.com:5061"},
		party{raw: "SIP:2001@10.1.2.3", want: "sip:2001@10.1.2.3"},
		party{raw: "sip:+14155550199@acme.sip.example.com?X-Team=blue", want: "sip:+14155550199@acme.sip.example.com"},
	)
}

// own draws one of the organization's numbers.
func own(dice *rand.Rand, numbers []string) party {
	number := pick(dice, numbers...)
	return party{raw: number, want: number, owned: true}
}
