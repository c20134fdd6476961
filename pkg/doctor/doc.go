// Package doctor checks what callstream leans on, the installation's parts and
// each organization's Twilio account, and says what to do about what is wrong.
//
//   - Each check comes to one [schema.Finding] or a few, in sentences that a
//     person can act on: ok, warning (it works, and something will be missing
//     or slow) or failed (it does not work).
//   - Nothing waits for ever: a check has its own time, and a dependency that
//     ignores even the end of it is left behind. One that is silent costs that
//     time and no other check.
//   - Checks run at once and are told in the same order every time, each as
//     soon as it and those before it are known.
//   - Nothing is changed, but for one small object in the bucket that is
//     removed again, and one second of silence that is transcribed.
//   - No finding holds a secret.
//
// What Twilio tells over no API is not checked: PCI mode is one such setting.
package doctor
