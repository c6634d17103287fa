import Testing

@testable import NeuralNetwork

@Suite("Choice of kernels")
struct KernelsTests {
  @Test("nothing chosen means our own", arguments: [nil, "", "own"])
  func own(text: String?) throws {
    #expect(try Kernels.choice(text) == .own)
  }

  @Test("a word that is none of them is refused in a sentence")
  func unknown() {
    #expect(throws: KernelError.unknown("mkl")) { try Kernels.choice("mkl") }
    #expect(
      "\(KernelError.unknown("mkl"))" == "the environment variable MARLISE_KERNELS is 'mkl', expected own or blas")
  }

  @Test("the name says what runs and on what")
  func names() throws {
    #expect(["own, AVX-512", "own, AVX2", "own, x86-64", "own, NEON"].contains(Kernels.own.name))
    #expect(try Kernels.choice("blas") == .blas)
    #expect(Kernels.blas.name.hasPrefix("OpenBLAS "))
    #expect(Kernels.blas.name != "OpenBLAS not loaded")
  }

  @Test("a network keeps the kernels that were current when it was made")
  func scope() throws {
    let outside = Kernels.current
    let shape = try Kernels.using(.blas) { NetworkShape(inputs: 2, layers: [(1, .identity)]) }
    #expect(shape.kernels == .blas)
    #expect(Kernels.current == outside)
    try Kernels.using(.own) {
      #expect(NetworkShape(inputs: 2, layers: [(1, .identity)]).kernels == .own)
      #expect(shape.kernels == .blas)
    }
  }

  @Test("large layers, which OpenBLAS gets in pieces, come out as ours do", arguments: [(300, 70, 90), (37, 130, 300)])
  func pieces(rows: Int, inputs: Int, outputs: Int) throws {
    let noise = Noise(seed: 4)
    let parameters = noise.network(inputs, [(outputs, .relu), (outputs, .tanh)])
    let x = noise.buffer(rows * inputs)
    let weights = noise.buffer(rows * outputs)
    func results(_ kernels: Kernels) throws -> [Float] {
      try Kernels.using(kernels) {
        let network = try MLP(parameters)
        let workspace = Workspace(network.shape, rows: rows)
        let gradient = FloatBuffer(network.shape.parameterCount)
        network.forward(x.pointer, stride: inputs, rows: rows, in: workspace)
        workspace.outputGradient.update(from: weights.pointer, count: rows * outputs)
        network.backward(x.pointer, stride: inputs, rows: rows, in: workspace, gradient: gradient.pointer)
        return Array(UnsafeBufferPointer(start: workspace.output, count: rows * outputs)) + gradient.values
      }
    }
    let (own, blas) = (try results(.own), try results(.blas))
    #expect(zip(own, blas).allSatisfy { abs($0 - $1) <= 3e-5 * max(1, abs($1)) })
  }

  @Test("a library that is not there is reported with its name and with what to do")
  func missing() {
    let error = #expect(throws: KernelError.self) { try Kernels.blas.load("libnone.so.0") }
    let sentence = error?.description ?? ""
    #expect(sentence.hasPrefix("OpenBLAS cannot be loaded (libnone.so.0: "))
    #expect(sentence.hasSuffix("); install it, or set MARLISE_KERNELS to own"))
  }
}
