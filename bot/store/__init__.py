"""DynamoDB: three on-demand tables, one per lifecycle, behind repositories that speak in model values."""
