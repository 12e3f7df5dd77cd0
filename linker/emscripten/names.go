package emscripten

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// Numbers of Emscripten's netdb.h and sys/socket.h.
const (
	afInet, afInet6         = 2, 10
	sockStream, sockDgram   = 1, 2
	protoTCP, protoUDP      = 6, 17
	aiPassive               = 1
	niNameRequired          = 8
	eaiNoName               = -2
	eaiFamily               = -6
	eaiService              = -8
	eaiOverflow             = -12
	addrInfoSize            = 32
	sockaddrIn, sockaddrIn6 = 16, 28
)

// nameFunctions are about addresses. There is no network, so only addresses in numbers, and
// localhost, are known.
var nameFunctions = map[string]function{
	"getaddrinfo": plain("iiii", func(c *call) uint64 { return uint64(uint32(c.addressInfo())) }),
	"getnameinfo": plain("iiiiiii", func(c *call) uint64 { return uint64(uint32(c.nameInfo())) }),
}

func (c *call) addressInfo() int32 {
	var flags, family, kind, protocol uint32
	if hint := c.u32(2); hint != 0 {
		flags, family, kind, protocol = c.mem.u32(hint), c.mem.u32(hint+4), c.mem.u32(hint+8),
			c.mem.u32(hint+12)
	}
	var port uint16
	if c.u32(1) != 0 {
		n, err := strconv.ParseUint(c.mem.path(c.u32(1)), 10, 16)
		if err != nil {
			return eaiService
		}
		port = uint16(n)
	}
	a, ok := c.address(flags, family)
	switch {
	case !ok:
		return eaiNoName
	case family != 0 && family != afInet && family != afInet6:
		return eaiFamily
	case family == afInet && !a.Is4(), family == afInet6 && !a.Is6():
		return eaiNoName
	}
	switch {
	case kind == 0 && protocol == protoUDP:
		kind = sockDgram
	case kind == 0:
		kind = sockStream
	}
	if protocol == 0 && kind == sockStream {
		protocol = protoTCP
	} else if protocol == 0 && kind == sockDgram {
		protocol = protoUDP
	}
	b := socketAddress(a, port)
	at, info := uint32(c.guest("malloc", uint64(len(b)))), uint32(c.guest("malloc", addrInfoSize))
	if at == 0 || info == 0 {
		return -10 // EAI_MEMORY
	}
	c.mem.put(at, b)
	for i, v := range []uint32{0, uint32(binary.LittleEndian.Uint16(b)), kind, protocol,
		uint32(len(b)), at, 0, 0} {
		c.mem.put32(info+4*uint32(i), v)
	}
	c.mem.put32(c.u32(3), info)
	return 0
}

// address reads the address that a program asks for.
func (c *call) address(flags, family uint32) (netip.Addr, bool) {
	if c.u32(0) == 0 {
		switch {
		case family == afInet6 && flags&aiPassive != 0:
			return netip.IPv6Unspecified(), true
		case family == afInet6:
			return netip.IPv6Loopback(), true
		case flags&aiPassive != 0:
			return netip.IPv4Unspecified(), true
		}
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	}
	name := c.mem.path(c.u32(0))
	if name == "localhost" {
		name = "127.0.0.1"
		if family == afInet6 {
			name = "::1"
		}
	}
	a, err := netip.ParseAddr(name)
	return a.WithZone(""), err == nil
}

// socketAddress is a struct sockaddr_in or sockaddr_in6.
func socketAddress(a netip.Addr, port uint16) []byte {
	if a.Is4() {
		b := make([]byte, sockaddrIn)
		binary.LittleEndian.PutUint16(b, afInet)
		binary.BigEndian.PutUint16(b[2:], port)
		copy(b[4:], a.AsSlice())
		return b
	}
	b := make([]byte, sockaddrIn6)
	binary.LittleEndian.PutUint16(b, afInet6)
	binary.BigEndian.PutUint16(b[2:], port)
	copy(b[8:], a.AsSlice())
	return b
}

func (c *call) nameInfo() int32 {
	at, length := c.u32(0), c.u32(1)
	if length < 2 {
		return eaiFamily
	}
	var a netip.Addr
	switch family := c.mem.u16(at); {
	case family == afInet && length >= sockaddrIn:
		a = netip.AddrFrom4([4]byte(c.mem.bytes(at+4, 4)))
	case family == afInet6 && length >= sockaddrIn6:
		a = netip.AddrFrom16([16]byte(c.mem.bytes(at+8, 16)))
	default:
		return eaiFamily
	}
	if c.u32(6)&niNameRequired != 0 {
		return eaiNoName
	}
	port := binary.BigEndian.Uint16(c.mem.bytes(at+2, 2))
	for _, x := range []struct {
		to, room uint32
		text     string
	}{{c.u32(2), c.u32(3), a.String()}, {c.u32(4), c.u32(5), strconv.Itoa(int(port))}} {
		if x.to == 0 || x.room == 0 {
			continue
		}
		if uint32(len(x.text)) >= x.room {
			return eaiOverflow
		}
		c.mem.put(x.to, append([]byte(x.text), 0))
	}
	return 0
}
