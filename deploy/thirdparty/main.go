package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	texts := flag.Bool("texts", false, "print the licences' texts")
	binary := flag.String("sbom", "", "print the bill of materials of this `binary`")
	flag.Parse()
	err := run(ctx, os.Stdout, *texts, *binary)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "thirdparty:", err)
		os.Exit(1)
	}
}

// run prints what the flags ask for. It is run from the module's root.
func run(ctx context.Context, w io.Writer, texts bool, binary string) error {
	list, err := modules(ctx, ".")
	if err != nil {
		return err
	}
	pages, err := pageLibraries(".")
	if err != nil {
		return err
	}
	list = append(list, pages...)
	licences := map[string]string{}
	var errs []error
	for _, m := range list {
		licences[m.Path], err = m.licence()
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	switch {
	case binary != "":
		b, err := billOf(binary, licences)
		if err != nil {
			return err
		}
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		if err := out.Encode(b); err != nil {
			return fmt.Errorf("write the bill of materials: %w", err)
		}
		return nil
	case texts:
		return printTexts(w, list)
	}
	_, err = io.WriteString(w, table(list, licences))
	return err
}

// table lists the modules with their licences. Versions are in go.mod.
func table(list []module, licences map[string]string) string {
	var text strings.Builder
	text.WriteString("# What others wrote\n\nThe modules that are linked into callstream and the libraries of the console's pages, with their licences. Made by `go run ./deploy/thirdparty > THIRD_PARTY.md`, which a test compares; `-texts` prints the licences' own words, which go with a binary that is passed on.\n\n| What | Licence |\n| --- | --- |\n")
	for _, m := range list {
		_, _ = fmt.Fprintf(&text, "| %s | %s |\n", m.Path, licences[m.Path])
	}
	text.WriteString("| Go's standard library and runtime | BSD-3-Clause |\n")
	return text.String()
}

// printTexts prints every module's licences.
func printTexts(w io.Writer, list []module) error {
	for _, m := range list {
		texts, err := m.texts()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s %s\n\n%s\n\n", m.Path, m.Version, strings.Join(texts, "\n\n")); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}
