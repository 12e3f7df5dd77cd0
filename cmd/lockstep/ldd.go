package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/linker/modinfo"
)

// libraryFlags are the flags that say where libraries are.
type libraryFlags struct {
	dirs    []string
	preload []string
}

func (f *libraryFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(
		&f.dirs,
		"lib",
		"L",
		nil,
		"folder with libraries, may be repeated (default: that of the program)",
	)
	cmd.Flags().StringArrayVar(
		&f.preload,
		"preload",
		nil,
		"library to load before all others, as LD_PRELOAD does; may be repeated",
	)
}

// located is a file with the file system that it and its libraries are in, and the search path
// there.
type located struct {
	fsys fs.FS
	file string // as fs.FS has it
	dirs []string
}

// locate turns names of the operating system into those of a file system of everything.
func (f *libraryFlags) locate(file string) (located, error) {
	full, err := filepath.Abs(file)
	if err != nil {
		return located{}, err
	}
	root := filepath.VolumeName(full) + string(filepath.Separator)
	inside := func(p string) string { return filepath.ToSlash(strings.TrimPrefix(p, root)) }
	l := located{fsys: os.DirFS(root), file: inside(full)}
	dirs := f.dirs
	if len(dirs) == 0 {
		dirs = []string{filepath.Dir(full)}
	}
	for _, dir := range dirs {
		if dir, err = filepath.Abs(dir); err != nil {
			return located{}, err
		}
		l.dirs = append(l.dirs, inside(dir))
	}
	return l, nil
}

// names turns names of the file system into what the user calls them, wherever they are in a text:
// files below the working directory without its name, others with the slash that the file system
// does without.
func (l located) names() *strings.Replacer {
	var pairs []string
	if wd, err := os.Getwd(); err == nil {
		if inside := strings.TrimPrefix(filepath.ToSlash(wd), "/"); inside != "" {
			pairs = append(pairs, inside+"/", "", inside, ".")
		}
	}
	for _, dir := range append([]string{path.Dir(l.file)}, l.dirs...) {
		pairs = append(pairs, "/"+dir, "/"+dir, dir, "/"+dir) // one that has its slash keeps it
	}
	return strings.NewReplacer(pairs...)
}

func lddCommand() *cobra.Command {
	var libs libraryFlags
	var all bool
	var main string
	cmd := &cobra.Command{
		Use:   "ldd FILE",
		Short: "Show which libraries a module needs, where they are, and who defines each symbol",
		Long: `ldd shows the tree of libraries that a module needs: which file each is and by
which rule it was chosen, and what is missing. Then it shows the symbols that have no definition,
or another one than they need; with --symbols it shows the definition of each. Nothing is compiled
or run. Functions of the host are not known, so that a function of the module env that is the
host's shows as undefined; loading does not fail because of it.

The exit status is 1 if a library or a symbol is missing without which loading fails.`,
		Example: `  lockstep ldd program.wasm
  lockstep ldd --lib lib --main program.wasm --symbols plugin.wasm`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: wasmFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := libs.locate(args[0])
			if err != nil {
				return fmt.Errorf("ldd: %w", err)
			}
			o := modinfo.TreeOptions{SearchPath: at.dirs, Preload: libs.preload}
			if main != "" {
				in, err := libs.locate(main)
				if err != nil {
					return fmt.Errorf("ldd: %w", err)
				}
				o.Main = in.file
			}
			tree, err := modinfo.ReadTree(at.fsys, at.file, o)
			if err != nil {
				return fmt.Errorf("ldd: %s: %w", args[0], unwrapPath(err))
			}
			if err := result.Show(cmd, tree, func(w io.Writer) {
				if main != "" {
					fmt.Fprintf(w, "in %s\n", main)
				}
				writeTree(w, at.names(), tree, all)
			}); err != nil {
				return err
			}
			if tree.Missing() {
				return errVerdict
			}
			return nil
		},
	}
	libs.add(cmd)
	cmd.Flags().StringVar(
		&main,
		"main",
		"",
		"main module into which FILE is loaded: its symbols come first",
	)
	cmd.Flags().BoolVarP(&all, "symbols", "s", false, "show who defines each symbol")
	return cmd
}

// unwrapPath takes the path out of an error of the file system: the caller names the file as the
// user did.
func unwrapPath(err error) error {
	if p, ok := err.(*fs.PathError); ok {
		return p.Err
	}
	return err
}

func writeTree(w io.Writer, names *strings.Replacer, tree *modinfo.Tree, all bool) {
	var walk func(n *modinfo.Node, indent string)
	walk = func(n *modinfo.Node, indent string) {
		line := indent + n.Name
		switch {
		case n == tree.Root:
			line = n.File
		case n.Err != "" && n.File != "":
			line += " => " + n.File + ": " + n.Err
		case n.Err != "":
			line += " => " + n.Err
		case n.Again:
			line += " => " + n.File + " (above)"
		default:
			line += " => " + n.File + " (" + n.Why + ")"
		}
		fmt.Fprintln(w, names.Replace(line))
		if !n.Again {
			for _, c := range n.Needed {
				walk(c, indent+"  ")
			}
		}
	}
	walk(tree.Root, "")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "\nsymbols:\n"
	if !all {
		head = "\nsymbols without a definition, or with another one than they need:\n"
	}
	for _, b := range tree.Bindings {
		if !all && b.Err == "" {
			continue
		}
		fmt.Fprint(t, head)
		head = ""
		definer := b.Definer
		if b.Err != "" {
			definer = strings.TrimPrefix(definer+": "+b.Err, ": ")
		}
		if b.Fatal {
			definer += " (loading fails)"
		}
		fmt.Fprintf(
			t,
			"  %s\t%s %s\t%s\n",
			b.Module,
			b.Symbol.Kind,
			printable(b.Symbol.Name),
			definer,
		)
	}
	t.Flush() // an error is the output's, which remembers it
}
