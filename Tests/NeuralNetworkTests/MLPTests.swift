import NeuralNetwork
import RandomStreams
import TestSupport
import Testing

@Suite("Networks of dense layers")
struct MLPTests {
  /// Thin, wide, and odd widths; every activation inside and at the end.
  static let shapes: [[(Int, Activation)]] = [
    [(8, .relu), (16, .relu), (8, .relu), (3, .identity)],
    [(64, .relu), (128, .relu), (64, .relu), (3, .identity)],
    [(20, .tanh), (37, .sigmoid), (1, .tanh)],
    [(16, .softmax), (5, .softmax)],
    [(48, .sigmoid), (33, .tanh), (17, .relu), (1, .sigmoid)],
    [(2, .identity)],
  ]

  @Test("the forward pass agrees with plain double arithmetic", arguments: Kernels.allCases, shapes.indices)
  func forward(kernels: Kernels, shape: Int) throws {
    try Kernels.using(kernels) { for rows in [1, 2, 7, 8, 13, 40] { try forward(shape, rows: rows) } }
  }

  private func forward(_ shape: Int, rows: Int) throws {
    let noise = Noise(seed: UInt64(shape * 100 + rows))
    let parameters = noise.network(7, Self.shapes[shape])
    let network = try MLP(parameters)
    let workspace = Workspace(network.shape, rows: rows, training: false)
    let input = noise.buffer(rows * 9)
    network.forward(input.pointer, stride: 9, rows: rows, in: workspace)
    let reference = ReferenceNetwork(parameters)
    for row in 0..<rows {
      let x = (0..<7).map { Double(input.pointer[row * 9 + $0]) }
      let y = (0..<network.shape.outputs).map { workspace.output[row * network.shape.outputs + $0] }
      #expect(
        firstDifference(y, reference.evaluate(reference.flat, x), tolerance: 2e-6) == nil, "row \(row) of \(rows)")
    }
  }

  @Test("a row alone has the bits of the same row in a batch", arguments: shapes.indices)
  func batchInvariance(shape: Int) throws {
    try Kernels.using(.own) { try batchInvariance(shape) }
  }

  private func batchInvariance(_ shape: Int) throws {
    let noise = Noise(seed: UInt64(shape))
    let network = try MLP(noise.network(42, Self.shapes[shape]))
    let outputs = network.shape.outputs
    let input = noise.buffer(50 * 42)
    let all = Workspace(network.shape, rows: 50, training: false)
    network.forward(input.pointer, stride: 42, rows: 50, in: all)
    let some = Workspace(network.shape, rows: 50, training: false)
    for rows in [1, 2, 3, 5, 6, 9, 11] {
      for first in [0, 17, 50 - rows] {
        network.forward(input.pointer + first * 42, stride: 42, rows: rows, in: some)
        let equal = (0..<rows * outputs).allSatisfy { some.output[$0] == all.output[first * outputs + $0] }
        #expect(equal, "rows \(first) ..< \(first + rows)")
      }
    }
  }

  @Test("networks with weights of their own give the bits that each gives alone", arguments: shapes.indices)
  func each(shape: Int) throws {
    try Kernels.using(.own) {
      let (noise, layers) = (Noise(seed: UInt64(200 + shape)), Self.shapes[shape])
      let shape = NetworkShape(inputs: 42, layers: layers.map { ($0.0, $0.1) })
      let parameters = FloatBuffer(11 * shape.parameterCount)
      for network in 0..<11 {
        try MLP(shape, in: parameters, at: network * shape.parameterCount).load(noise.network(42, layers))
      }
      let input = noise.buffer(11 * 45)
      for index in stride(from: 0, to: input.count, by: 3) { input.pointer[index] = 0 }
      let (each, alone) = (EachWorkspace(shape, networks: 11), Workspace(shape, rows: 1, training: false))
      for networks in [1, 3, 4, 5, 11] {
        MLP.forwardEach(shape, parameters.pointer, networks: networks, input.pointer, stride: 45, in: each)
        for network in 0..<networks {
          MLP.forward(
            shape, parameters.pointer + network * shape.parameterCount, input.pointer + network * 45, stride: 45,
            rows: 1,
            in: alone)
          let equal = (0..<shape.outputs).allSatisfy { each.output[network * shape.outputs + $0] == alone.output[$0] }
          #expect(equal, "network \(network) of \(networks)")
        }
      }
    }
  }

  @Test("of a network with weights of its own, those that meet a 0 are not read")
  func zeros() throws {
    try Kernels.using(.own) {
      let noise = Noise(seed: 9)
      let network = try MLP(noise.network(6, [(64, .identity), (3, .identity)]))
      // [inputs, outputs]: the weights of inputs 1 and 4.
      for input in [1, 4] {
        for output in 0..<64 { network.parametersPointer[input * 64 + output] = .nan }
      }
      let input = noise.buffer(6)
      for index in [1, 4] { input.pointer[index] = 0 }
      let workspace = EachWorkspace(network.shape, networks: 1)
      MLP.forwardEach(network.shape, network.parametersPointer, networks: 1, input.pointer, stride: 6, in: workspace)
      #expect((0..<3).allSatisfy { workspace.output[$0].isFinite })
      input.pointer[4] = .leastNonzeroMagnitude
      MLP.forwardEach(network.shape, network.parametersPointer, networks: 1, input.pointer, stride: 6, in: workspace)
      #expect((0..<3).allSatisfy { workspace.output[$0].isNaN })
      withExtendedLifetime((network, input)) {}
    }
  }

  @Test("the backward pass matches finite differences", arguments: Kernels.allCases, shapes.indices)
  func backward(kernels: Kernels, shape: Int) throws {
    try Kernels.using(kernels) { for seed in 0..<3 { try backward(shape, seed: seed) } }
  }

  private func backward(_ shape: Int, seed: Int) throws {
    let noise = Noise(seed: UInt64(1000 + shape * 10 + seed))
    let parameters = noise.network(5, Self.shapes[shape])
    let network = try MLP(parameters)
    let (rows, outputs) = (6, network.shape.outputs)
    let workspace = Workspace(network.shape, rows: rows)
    let input = noise.buffer(rows * 5)
    let weights = noise.buffer(rows * outputs)  // L = Σ weights · outputs
    network.forward(input.pointer, stride: 5, rows: rows, in: workspace)
    workspace.outputGradient.update(from: weights.pointer, count: rows * outputs)
    let gradient = MLP(network.shape)
    let inputGradient = FloatBuffer(rows * 5)
    network.backward(
      input.pointer, stride: 5, rows: rows, in: workspace, gradient: gradient.parametersPointer,
      inputGradient: InputGradient(inputGradient.pointer, stride: 5, columns: 5))

    let reference = ReferenceNetwork(parameters)
    func loss(_ flat: [Double], _ x: [Double]) -> Double {
      (0..<rows).reduce(0) { sum, row in
        let y = reference.evaluate(flat, Array(x[row * 5..<row * 5 + 5]))
        return sum + zip(y, 0..<outputs).reduce(0) { $0 + $1.0 * Double(weights.pointer[row * outputs + $1.1]) }
      }
    }
    let x = input.values.map(Double.init)
    // A few of the many parameters, and every input.
    let flatGradient = gradient.parameters.layers.flatMap { $0.weight + $0.bias }
    var place = seed
    while place < flatGradient.count {
      var (above, below) = (reference.flat, reference.flat)
      above[place] += 1e-6
      below[place] -= 1e-6
      let expected = (loss(above, x) - loss(below, x)) / 2e-6
      #expect(abs(Double(flatGradient[place]) - expected) < 1e-5 * max(1, abs(expected)), "parameter \(place)")
      place += max(1, flatGradient.count / 60)
    }
    let expected = finiteDifferences(at: x, step: 1e-6) { loss(reference.flat, $0) }
    #expect(firstDifference(inputGradient.values, expected, tolerance: 1e-5) == nil)
  }

  @Test("gradients of two halves add up to the gradient of the whole", arguments: Kernels.allCases)
  func accumulation(kernels: Kernels) throws { try Kernels.using(kernels, accumulation) }

  private func accumulation() throws {
    let noise = Noise(seed: 3)
    let network = try MLP(noise.network(10, [(32, .relu), (20, .tanh), (2, .identity)]))
    let input = noise.buffer(12 * 10)
    let weights = noise.buffer(12 * 2)
    let workspace = Workspace(network.shape, rows: 12)
    func gradient(_ pieces: [Range<Int>]) -> [Float] {
      let result = MLP(network.shape)
      for (index, rows) in pieces.enumerated() {
        let x = UnsafePointer(input.pointer + rows.lowerBound * 10)
        network.forward(x, stride: 10, rows: rows.count, in: workspace)
        workspace.outputGradient.update(from: weights.pointer + rows.lowerBound * 2, count: rows.count * 2)
        network.backward(
          x, stride: 10, rows: rows.count, in: workspace, gradient: result.parametersPointer, accumulate: index > 0)
      }
      return result.buffer.values
    }
    let whole = gradient([0..<12])
    #expect(firstDifference(gradient([0..<5, 5..<12]), whole.map(Double.init), tolerance: 1e-6) == nil)
  }

  @Test("one column of the input gradient is that column of all", arguments: Kernels.allCases, [8, 24])
  func inputColumn(kernels: Kernels, width: Int) throws {
    try Kernels.using(kernels) { try inputColumn(width) }
  }

  private func inputColumn(_ width: Int) throws {
    let noise = Noise(seed: 8)
    let network = try MLP(noise.network(9, [(width, .relu), (1, .identity)]))
    let workspace = Workspace(network.shape, rows: 4)
    let input = noise.buffer(4 * 9)
    let (all, one) = (FloatBuffer(36), FloatBuffer(4))
    for (target, first, columns) in [(all, 0, 9), (one, 8, 1)] {
      network.forward(input.pointer, stride: 9, rows: 4, in: workspace)
      for row in 0..<4 { workspace.outputGradient[row] = 1 }
      network.backward(
        input.pointer, stride: 9, rows: 4, in: workspace, gradient: nil,
        inputGradient: InputGradient(target.pointer, stride: columns, first: first, columns: columns))
    }
    let column = (0..<4).map { Double(all.values[$0 * 9 + 8]) }
    #expect(firstDifference(one.values, column, tolerance: 1e-6) == nil)
  }

  @Test("weights come out as they went in", arguments: shapes.indices)
  func roundTrip(shape: Int) throws {
    let parameters = Noise(seed: 1).network(11, Self.shapes[shape])
    let network = try MLP(parameters)
    #expect(network.parameters == parameters)
    let other = Noise(seed: 2).network(11, Self.shapes[shape])
    try network.load(other)
    #expect(network.parameters == other)
  }

  @Test("weights of another shape are refused in a sentence and change nothing")
  func refusals() throws {
    let parameters = Noise(seed: 1).network(4, [(8, .relu), (3, .identity)])
    let network = try MLP(parameters)
    var wider = parameters
    wider.layers[0].weight.append(1)
    #expect(throws: NetworkError.shape(layer: 0, quantity: "weights", found: 33, expected: 32)) {
      try network.load(wider)
    }
    var broken = parameters
    broken.layers[1].bias[2] = .nan
    #expect(throws: NetworkError.notFinite(layer: 1, quantity: "bias", index: 2)) { try network.load(broken) }
    #expect(throws: NetworkError.noLayers) { try network.load(NetworkParameters(layers: [])) }
    #expect(throws: NetworkError.shape(layer: 0, quantity: "inputs", found: 5, expected: 4)) {
      try network.load(Noise(seed: 1).network(5, [(8, .relu), (3, .identity)]))
    }
    #expect(throws: NetworkError.activation(layer: 1, found: .tanh, expected: .identity)) {
      try network.load(Noise(seed: 1).network(4, [(8, .relu), (3, .tanh)]))
    }
    var absurd = parameters
    absurd.layers[0].outputs = Int.max
    #expect(throws: NetworkError.self) { try network.load(absurd) }
    #expect(network.parameters == parameters)
    #expect("\(NetworkError.notFinite(layer: 1, quantity: "bias", index: 2))".contains("layer 1"))
  }
}
