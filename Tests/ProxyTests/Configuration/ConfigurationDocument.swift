// docs/configuration.md, made from the rows of ProxyKeys.

@testable import Proxy

enum ConfigurationDocument {
    static var text: String {
        var text = preface
        var section: String? = nil
        for key in ProxyKeys.all {
            let parent = key.components.count > 1 ? String(key.components[0]) : ""
            if parent != section {
                text += parent.isEmpty ? "\n## General\n\n" : "\n## \(parent)\n\n"
                text += "| Key | Value | Default | What, and why | When reached |\n"
                text += "|---|---|---|---|---|\n"
                section = parent
            }
            let standard =
                key.isRequired ? "none: required" : "`\(key.kind.render(ProxyConfiguration()))`"
            text += row([
                "`\(key.path)`", key.kind.expected, standard, "\(key.summary) — \(key.why)",
                key.whenReached ?? "",
            ])
            for inner in key.kind.inner {
                text += row([
                    "`\(key.path)` … `\(inner.name)`", inner.expected,
                    inner.isRequired ? "none: required" : "`\(inner.standard)`", inner.summary, "",
                ])
            }
        }
        return text
    }

    private static func row(_ cells: [String]) -> String {
        "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
    }

    private static let preface = """
        # Configuration of sluice-proxy

        Made from the keys in `Sources/Proxy/Configuration/ProxyKeys.swift` by the tests (`SLUICE_WRITE_DOCS=1`
        writes it); do not edit it. Files to begin with are in `configs/`.

        - `sluice-proxy FILE` runs the proxy. `sluice-proxy check FILE` names every error with its line and column,
          warns of what has no effect, and prints the whole configuration with all defaults, as a file that loads
          again; secrets are printed as `***`.
        - The format is a strict part of YAML: maps and lists by indentation or within one line in brackets, texts
          with or without quotes, comments. Not: anchors, aliases, tags, texts over several lines.
        - Sizes: `64KB` or `10MB`; 1 KB is 1,024 bytes and 1 K is 1,000, as in redis.conf. Durations: `500us`,
          `250ms`, `10s`, `1m`, `1h`, `1d`; a bare `0` needs no unit.
        - `${NAME}` anywhere in a value is the environment variable of that name, and `$${` stands for `${`. Within
          brackets it needs quotes: `{password: "${NAME}"}`. A variable that is not set is an error.
        - A password may also be `file:/path`: what the file holds, without the line end at its end. Neither is
          shown in errors, logs, or answers of the proxy.
        - The key of a section is written within it: `reads.retries` is `retries` in the map `reads`.

        """
}
