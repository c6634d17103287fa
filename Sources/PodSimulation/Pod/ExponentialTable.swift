import Glibc
import RandomStreams

/// Exponential draws by the ziggurat method: one 32-bit word and a table look-up for 99 of 100 draws, where a logarithm would
/// cost as much as the rest of a simulated event.
///
/// The density e⁻ˣ is covered by 256 layers of equal area; a draw that lies under the curve for sure is accepted at once.
///
/// - Source: Marsaglia, Tsang: "The Ziggurat Method for Generating Random Variables", J. Stat. Software 5(8), 2000.
final class ExponentialTable: @unchecked Sendable {  // the table is written in init only
  struct Layer {
    /// A word below this is under the curve for sure.
    var threshold: UInt32
    /// Width of the layer ÷ 2³².
    var scale: Double
    /// Density at the layer's outer end.
    var density: Double
  }

  static let shared = ExponentialTable()

  let layers: UnsafeMutablePointer<Layer>
  /// Where the tail begins, and the area of a layer.
  private static let tail = 7.697117470131487
  private static let area = 3.949659822581572e-3

  private init() {
    layers = .allocate(capacity: 256)
    let range = 0x1p32
    var edge = Self.tail
    var outer = edge
    let base = Self.area / exp(-edge)
    layers[0] = Layer(threshold: UInt32(edge / base * range), scale: base / range, density: 1)
    layers[255] = Layer(threshold: 0, scale: edge / range, density: exp(-edge))
    for index in stride(from: 254, through: 1, by: -1) {
      edge = -log(Self.area / edge + exp(-edge))
      layers[index + 1].threshold = UInt32(edge / outer * range)
      outer = edge
      layers[index] = Layer(threshold: 0, scale: edge / range, density: exp(-edge))
    }
    layers[1].threshold = 0
  }

  deinit { layers.deallocate() }

  /// Fills `values` with `count` independent draws of mean `mean`.
  func fill(_ values: UnsafeMutablePointer<Double>, count: Int, mean: Double, using stream: inout RandomStream) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: RandomStream.aheadCapacity) { buffer in
      guard let words = buffer.baseAddress else { return }
      var index = 0
      while index < count {
        let wanted = min(stream.lookAhead(into: words), count - index)
        var drawn = 0
        while drawn < wanted {
          let word = words[drawn]
          let layer = Int(word & 255)
          guard word < layers[layer].threshold else { break }
          values[index &+ drawn] = mean * (Double(word) * layers[layer].scale)
          drawn &+= 1
        }
        index &+= drawn
        if drawn == wanted {
          stream.skip(drawn, of: words)
        } else {
          stream.skip(drawn + 1, of: words)
          values[index] = mean * slowDraw(words[drawn], Int(words[drawn] & 255), using: &stream)
          index &+= 1
        }
      }
    }
  }

  @inline(never)
  private func slowDraw(_ first: UInt32, _ firstLayer: Int, using stream: inout RandomStream) -> Double {
    var (word, layer) = (first, firstLayer)
    while true {
      if layer == 0 { return Self.tail + stream.exponential(mean: 1) }
      let x = Double(word) * layers[layer].scale
      let (outer, inner) = (layers[layer].density, layers[layer - 1].density)
      if outer + (stream.uniform() as Double) * (inner - outer) < exp(-x) { return x }
      word = stream.nextWord()
      layer = Int(word & 255)
      if word < layers[layer].threshold { return Double(word) * layers[layer].scale }
    }
  }
}
