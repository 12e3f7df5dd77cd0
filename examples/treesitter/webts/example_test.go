package webts_test

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/examples/treesitter/webts"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
)

func Example() {
	tree, err := jsonTree(context.Background(), `{"answer": 42}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(webts.Indent(tree))
	// Output:
	// (document
	//   (object
	//     (pair
	//       key: (string
	//         (string_content))
	//       value: (number))))
}

func jsonTree(ctx context.Context, source string) (string, error) {
	library, err := stock.Read(stock.WebTreeSitter)
	if err != nil {
		return "", err
	}
	grammar, err := stock.Read(stock.GrammarFile("json"))
	if err != nil {
		return "", err
	}
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	if err := webts.InstantiateHost(ctx, rt); err != nil {
		return "", err
	}
	parser, err := webts.New(ctx, rt, library)
	if err != nil {
		return "", err
	}
	language, err := parser.Load(ctx, "json", grammar)
	if err != nil {
		return "", err
	}
	return parser.Parse(ctx, language, source)
}
