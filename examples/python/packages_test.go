package main

import (
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/stock/cowasm"
)

// arrays use NumPy: arrays, linear algebra, transforms, random numbers.
func arrays() []string {
	return abbreviated(
		`np.__version__`,
		`np.arange(12).reshape(3, 4).T.tolist()`,
		`np.linalg.solve([[2, 1], [1, 3]], [3, 5]).tolist()`,
		`np.linalg.eigvalsh([[2, 1], [1, 2]]).round(12).tolist()`,
		`np.linalg.svd(np.vander([1, 2, 3, 4]))[1].round(9).tolist()`,
		`np.fft.fft([1, 2, 3, 4]).tolist()`,
		`np.random.default_rng(7).integers(0, 100, 5).tolist()`,
		`np.random.RandomState(7).normal(size=3).tolist()`,
		`np.sort(np.array(["pear", "apple", "fig"])).tolist()`,
		`np.array([1, 2, 3], dtype="float32").dot([4, 5, 6])`,
		`np.einsum("ij,jk->ik", np.ones((2, 3)), np.ones((3, 2))).tolist()`,
		`np.datetime64("2024-02-29") + 1`,
	)
}

// tables use pandas.
func tables() []string {
	return abbreviated(
		`pd.__version__`,
		`pd.DataFrame({"a": [1, 2, 3.5], "b": list("xyx")}).describe().to_string()`,
		`pd.DataFrame({"a": [1, 2, 4], "b": list("xyx")}).groupby("b").a.sum().to_dict()`,
		`pd.Series([3, 1, 2]).sort_values().index.tolist()`,
		`pd.date_range("2024-02-28", periods=3).strftime("%d.%m.").tolist()`,
		`pd.read_csv(__import__("io").StringIO("a,b\n1,2\n3,4")).to_json()`,
		`pd.merge(pd.DataFrame({"k": [1, 2], "l": [3, 4]}), `+
			`pd.DataFrame({"k": [2], "r": [5]})).values.tolist()`,
	)
}

// abbreviated writes out np and pd.
func abbreviated(expressions ...string) (list []string) {
	names := strings.NewReplacer("np.", `__import__("numpy").`, "pd.", `__import__("pandas").`)
	for _, x := range expressions {
		list = append(list, names.Replace(x))
	}
	return list
}

// numPy has Python compute what it computes in Node, and fail with exceptions of NumPy's code in C.
func numPy(t *testing.T, p *cowasm.Python) {
	t.Helper()
	asNode(t, p, arrays(), cowasm.NumPy)
	opened(t, p, "_multiarray_umath", "_umath_linalg", "_pocketfft_internal", "_generator",
		"mtrand")
	const want = "cowasm: Python: ValueError: cannot reshape array of size 2 into shape (3,)"
	err := p.Exec(t.Context(), "import numpy\nnumpy.ones(2).reshape(3)")
	if err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
}

// Pandas, which needs NumPy, computes what it computes in Node, with over sixty libraries.
func TestPandas(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("it interprets an interpreter that reads 20 MB of source")
	}
	p := newPython(t, cowasm.Options{Packages: []string{cowasm.NumPy, cowasm.Pandas}})
	asNode(t, p, tables(), cowasm.NumPy, cowasm.Pandas)
	opened(t, p, "join", "parsers", "groupby")
	if n := len(p.Linker().Libraries()); n < 60 {
		t.Errorf("only %d libraries", n)
	}
}
