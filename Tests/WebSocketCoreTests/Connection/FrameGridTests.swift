import Testing
import WebSocketCore
import WebSocketTesting

/// Every kind of frame in every situation, against rules written a second time as a table.
@Suite("The grid of frames (RFC 6455 §5)")
struct FrameGridTests {
    /// How the length is written, and what it claims.
    struct Length: Sendable {
        var bytes: UInt64
        var form: FrameBytes.LengthForm

        static let all: [Length] = [
            .init(bytes: 0, form: .minimal), .init(bytes: 1, form: .minimal), .init(bytes: 2, form: .minimal),
            .init(bytes: 124, form: .minimal), .init(bytes: 125, form: .minimal), .init(bytes: 126, form: .minimal),
            .init(bytes: 127, form: .minimal), .init(bytes: 65_535, form: .minimal),
            .init(bytes: 65_536, form: .minimal),
            .init(bytes: 0, form: .twoBytes), .init(bytes: 125, form: .twoBytes), .init(bytes: 0, form: .eightBytes),
            .init(bytes: 125, form: .eightBytes), .init(bytes: 126, form: .eightBytes),
            .init(bytes: 65_535, form: .eightBytes), .init(bytes: 1 << 62, form: .minimal),
            .init(bytes: 1 << 63 - 1, form: .minimal), .init(bytes: 1 << 63, form: .minimal),
            .init(bytes: .max, form: .minimal),
        ]
    }

    struct Cell: Sendable {
        var opcode: UInt8
        var isFinal: Bool
        var reserved: UInt8
        var length: Length
        var isMasked: Bool
        var role: Role
        var isInsideMessage: Bool
    }

    private static let limit = 65_536

    /// The rules in the order in which the bytes make a violation certain: opcode and bits, length, mask, size.
    private static func violation(_ cell: Cell) -> ProtocolViolation.Reason? {
        let isControl = cell.opcode >= 8
        // The first byte.
        if ![0x0, 0x1, 0x2, 0x8, 0x9, 0xA].contains(cell.opcode) { return .reservedOpcode(cell.opcode) }
        if cell.reserved != 0 { return .reservedBitsSet(ReservedBits(rawValue: cell.reserved << 4)) }
        if cell.opcode == 0x0, !cell.isInsideMessage { return .continuationWithoutMessage }
        if cell.opcode == 0x1 || cell.opcode == 0x2, cell.isInsideMessage { return .messageInsideMessage }
        if isControl, !cell.isFinal { return .fragmentedControlFrame }
        // The length.
        if isControl, cell.length.bytes > 125 || cell.length.form != .minimal { return .controlFrameTooLong }
        if cell.length.bytes >= 1 << 63 { return .lengthTooLarge }
        if cell.length.form != .minimal { return .lengthNotMinimal }
        // The direction.
        if cell.role == .server, !cell.isMasked { return .frameNotMasked }
        if cell.role == .client, cell.isMasked { return .frameMasked }
        // The size.
        if cell.length.bytes > UInt64(Self.limit) {
            return .frameTooLarge(bytes: cell.length.bytes, limit: Self.limit)
        }
        if cell.isInsideMessage, !isControl, cell.length.bytes + 1 > UInt64(Self.limit) {
            return .messageTooLarge(limit: Self.limit)
        }
        // The content: a Close frame's body of zeros.
        if cell.opcode == 0x8, cell.length.bytes == 1 { return .closeBodyTooShort }
        if cell.opcode == 0x8, cell.length.bytes > 1 { return .invalidCloseCode(0) }
        return nil
    }

    /// What the application gets of an allowed cell, with the fragment before it.
    private static func messages(_ cell: Cell, _ payload: [UInt8]) -> [EndpointEvent] {
        switch cell.opcode {
        case 0x0: cell.isFinal ? [.message(.binary, [0] + payload)] : []
        case 0x1: cell.isFinal ? [.message(.text, payload)] : []
        case 0x2: cell.isFinal ? [.message(.binary, payload)] : []
        default: []
        }
    }

    private static func bytes(_ cell: Cell, _ payload: [UInt8]) -> [UInt8] {
        let first = cell.isInsideMessage ? FrameBytes.binary([0], isFinal: false).from(cell.role.peer).bytes : []
        let frame = FrameBytes(
            cell.opcode, payload, isFinal: cell.isFinal, reserved: cell.reserved,
            mask: cell.isMasked ? MaskingKey(word: 0x9A3C_11F7) : nil, lengthForm: cell.length.form,
            claimedLength: cell.length.bytes)
        return first + frame.bytes
    }

    @Test(
        "every cell is accepted or refused as the table says, at once and byte by byte",
        arguments: UInt8(0)...15, [Role.client, .server])
    func grid(opcode: UInt8, role: Role) {
        var wrong: [String] = []
        for length in Length.all {
            // What is refused by its header needs no payload.
            let payload = length.bytes <= UInt64(Self.limit) ? [UInt8](repeating: 0, count: Int(length.bytes)) : []
            for isFinal in [true, false] {
                for reserved in UInt8(0)...7 {
                    for isMasked in [true, false] {
                        for isInsideMessage in [true, false] {
                            let cell = Cell(
                                opcode: opcode, isFinal: isFinal, reserved: reserved, length: length,
                                isMasked: isMasked,
                                role: role, isInsideMessage: isInsideMessage)
                            wrong += Self.faults(cell, payload)
                        }
                    }
                }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.count) cells: \(wrong.prefix(3))")
    }

    private static func faults(_ cell: Cell, _ payload: [UInt8]) -> [String] {
        let expected = Self.violation(cell)
        // What is refused by its header needs little behind it; a Close frame is read to its end.
        let needed = expected == nil ? payload.count : (cell.opcode == 0x8 ? 125 : 4)
        let bytes = Self.bytes(cell, Array(payload.prefix(needed)))
        let limits = Limits(maxMessageBytes: Self.limit)
        let whole = Transcript(of: bytes, to: cell.role, limits: limits)
        var faults: [String] = []
        if whole.violation != expected { faults.append("\(cell): \(String(describing: whole.violation))") }
        if whole.messages != (expected == nil ? Self.messages(cell, payload) : []) {
            faults.append("\(cell): messages")
        }
        if expected == nil {
            let answers: [UInt8] = cell.opcode == 0x9 ? [0xA] : (cell.opcode == 0x8 ? [0x8] : [])
            if whole.sentFrames.map(\.opcode) != answers { faults.append("\(cell): answers") }
        } else if whole.sentFrames.map(\.opcode) != [0x8] {
            faults.append("\(cell): no Close frame")
        }
        // The longest payloads are cut in larger pieces.
        let delivery = bytes.count < 300 ? Transcript.Delivery.byteByByte : .pieces(upTo: 9000, seed: 1)
        if Transcript(of: bytes, to: cell.role, in: delivery, limits: limits) != whole { faults.append("\(cell): cut") }
        return faults
    }
}
