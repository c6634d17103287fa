extension CheckpointSummary: CustomStringConvertible {
  /// Plain text, one fact per line; control characters of texts from the file are not passed on to a terminal.
  public var description: String {
    let width = metadata.map(\.name.count).max() ?? 0
    var lines = metadata.map { row in
      row.name.padded(to: width) + "  " + row.value.withoutControlCharacters
    }
    for network in networks {
      lines.append("")
      lines.append(
        "agent \(network.agent), \(network.name.withoutControlCharacters): \(network.parameters.sentence)")
      for (index, layer) in network.layers.enumerated() {
        lines.append(
          "  layer\(index)  \(layer.inputs) → \(layer.outputs)  \(layer.activation.rawValue)  \(layer.parameters.sentence)"
        )
      }
    }
    if let training {
      lines.append("")
      lines.append("training state: \(training.count) array\(training.count == 1 ? "" : "s")")
      for state in training {
        let shape = state.shape.map(String.init).joined(separator: "×")
        lines.append("  \(state.path.withoutControlCharacters)  \(state.element)  \(shape)")
      }
    }
    if let digest, let fileSize {
      lines.append("")
      lines.append("\(fileSize) bytes, SHA-256 \(digest)")
    }
    return lines.joined(separator: "\n")
  }
}

extension CheckpointSummary.Statistics {
  fileprivate var sentence: String {
    func short(_ value: Double) -> String {
      let scaled = (value * 1e4).rounded()
      return abs(scaled) < 1e15 ? "\(scaled / 1e4)" : "\(value)"
    }
    return "\(count) parameters, \(short(Double(minimum))) to \(short(Double(maximum))), mean \(short(mean))"
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

  fileprivate var withoutControlCharacters: String {
    String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }
}
