# PowerShell completion for NAME: it asks the program itself.
Register-ArgumentCompleter -Native -CommandName 'NAME' -ScriptBlock {
    param($word, $line, $position)
    $words = @($line.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
    if ($word -eq '') { $words += '' }
    & NAME QUESTION @words 2>$null | Where-Object { $_ -notmatch '^:\d+$' } | ForEach-Object {
        $name, $text = $_ -split "`t", 2
        if (-not $text) { $text = $name }
        [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $text)
    }
}
