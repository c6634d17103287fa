import Testing

@testable import Checkpoints

@Suite("SHA-256")
struct SHA256Tests {
  @Test(
    "NIST's examples",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
      ),
    ])
  func examples(text: String, digest: String) {
    #expect(Array(text.utf8).withUnsafeBytes { SHA256.hexDigest($0) } == digest)
  }

  @Test("a million times 'a'")
  func million() {
    let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    let digest = bytes.withUnsafeBytes { SHA256.hexDigest($0) }
    #expect(digest == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test("the pieces in which bytes are fed do not matter", arguments: 0..<50 as Range<UInt64>)
  func pieces(seed: UInt64) {
    var random = TestRandom(seed: seed)
    let bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
    var hash = SHA256()
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + Int.random(in: 1...100, using: &random))
      bytes[start..<end].withUnsafeBytes { hash.update($0) }
      start = end
    }
    var whole = SHA256()
    bytes.withUnsafeBytes { whole.update($0) }
    #expect(hash.finish() == whole.finish())
  }
}
