// Command thirdparty tells what others wrote of callstream's binary.
//
//	go run ./deploy/thirdparty > THIRD_PARTY.md              the modules and their licences
//	go run ./deploy/thirdparty -texts > LICENSES.txt         the licences' own words, to go with a binary
//	go run ./deploy/thirdparty -sbom callstream > sbom.json  a bill of materials of a binary (CycloneDX 1.6)
//
// What holds:
//
//   - Only modules that are linked into the binary count, on the systems that
//     it is built for; those of tests and tools are nobody's burden.
//   - A module whose licence is not recognized, or not among those that let
//     callstream be Apache-2.0, is an error: somebody has to look.
package main
