// Package guest is what the examples with C libraries share: an image of a main module and one
// library, and calls of its C functions, with C's strings.
//
//	image, err := guest.Open(ctx, guest.Options{Main: libraries.MainLibc, Library: libraries.Zlib})
//	if err != nil {
//		return err
//	}
//	defer image.Close(ctx)
//	version, err := image.Main().Call(ctx, "zlibVersion")
//	text, err := image.Main().String(version)
package guest
